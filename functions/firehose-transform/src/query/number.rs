//! Numbers that keep their text.

use super::meter;
use std::cmp::Ordering;
use std::rc::Rc;

/// A number. What nobody computes with is written as it was read: `1.10`, `12345678901234567891`.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    /// A whole number.
    Int(i64),
    /// A number that was computed and is not whole, or is too large.
    Float(f64),
    /// A number as it was written, in JSON's syntax, unless it is an [`Number::Int`].
    Text(Rc<str>),
}

/// Whole numbers up to here are all of them floats as well.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// A number in JSON's syntax.
    pub(crate) fn from_json(text: &str) -> Self {
        match text.parse() {
            Ok(whole) if text != "-0" => Self::Int(whole),
            _ => {
                meter::make(text.len());
                Self::Text(text.into())
            }
        }
    }

    /// The number that a text is, for `tonumber` and for numbers in programs: also such as `.5`, `5.` and `007`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if is_json(text) {
            return Some(Self::from_json(text));
        }
        let numeric = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
        if numeric { text.parse().ok().map(Self::from_f64) } else { None }
    }

    /// A number that was computed: whole ones are whole again.
    pub(crate) fn from_f64(number: f64) -> Self {
        let whole = number.fract() == 0.0 && number.abs() <= EXACT && !(number == 0.0 && number.is_sign_negative());
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        if whole { Self::Int(number as i64) } else { Self::Float(number) }
    }

    /// The nearest float.
    #[expect(clippy::cast_precision_loss, reason = "jq's numbers are floats")]
    pub(crate) fn as_f64(&self) -> f64 {
        match self {
            Self::Int(whole) => *whole as f64,
            Self::Float(float) => *float,
            Self::Text(text) => {
                meter::read(text.len() * 16);
                text.parse().unwrap_or(f64::NAN)
            }
        }
    }

    /// The whole number that it is, if it is one.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(whole) => Some(*whole),
            Self::Float(_) | Self::Text(_) => match Self::from_f64(self.as_f64()) {
                Self::Int(whole) => Some(whole),
                _ => None,
            },
        }
    }

    /// The whole number that it is, exactly, if there is one.
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
    fn exact(&self) -> Option<i64> {
        const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Self::Int(whole) => Some(*whole),
            Self::Float(_) | Self::Text(_) => {
                let float = self.as_f64();
                (float.fract() == 0.0 && (-TOO_LARGE..TOO_LARGE).contains(&float)).then_some(float as i64)
            }
        }
    }

    /// The whole number that is left without its fraction, at most as large as there are.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub(crate) fn truncated(&self) -> i64 {
        match self {
            Self::Int(whole) => *whole,
            Self::Float(_) | Self::Text(_) => self.as_f64() as i64,
        }
    }

    /// Computes with two numbers: exactly with whole ones as long as the result is one.
    pub(crate) fn with(
        &self,
        other: &Self,
        exactly: fn(i64, i64) -> Option<i64>,
        float: impl FnOnce(f64, f64) -> f64,
    ) -> Self {
        let exact = match (self, other) {
            (Self::Int(left), Self::Int(right)) => exactly(*left, *right),
            _ => None,
        };
        exact.map_or_else(|| Self::from_f64(float(self.as_f64(), other.as_f64())), Self::Int)
    }

    /// Appends it as JSON: what is no number is `null`, and what is too large is the largest number, as with jq 1.6.
    pub(crate) fn write(&self, json: &mut String) {
        use std::fmt::Write;
        match self {
            Self::Int(whole) => {
                _ = write!(json, "{whole}");
            }
            Self::Text(text) => json.push_str(text),
            Self::Float(float) if float.is_nan() => json.push_str("null"),
            Self::Float(float) => write_float(float.clamp(f64::MIN, f64::MAX), json),
        }
    }
}

/// Appends a float as jq does: `0.0001`, but `1e-05`; `12345678901234567000`, but `1e+17`.
fn write_float(float: f64, json: &mut String) {
    use std::fmt::Write;
    // The fewest digits that make this float, as `-1.25e-7`.
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let longest = 15 + i32::try_from(fraction).unwrap_or(0);
    _ = if (-4..=longest).contains(&exponent) {
        write!(json, "{float}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(json, "{digits}e{sign}{:02}", exponent.unsigned_abs())
    };
}

/// Whether a text is a number in JSON's syntax.
fn is_json(text: &str) -> bool {
    text.bytes().next_back().is_some_and(|byte| byte.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok_and(|value| value.get() == text)
        && text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

impl Ord for Number {
    /// A total order, in which what is no number comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.as_f64(), other.as_f64());
        match (self.exact(), other.exact()) {
            (Some(left), Some(right)) => left.cmp(&right),
            (None, None) => left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan())),
            // A whole number that rounds up to 2⁶³ is less than that.
            (Some(_), None) if right.is_nan() => Ordering::Greater,
            (Some(_), None) => left.partial_cmp(&right).unwrap_or(Ordering::Less).then(Ordering::Less),
            (None, Some(_)) => other.cmp(self).reverse(),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(number: Option<Number>, json: &str) {
        let mut written = String::new();
        number.unwrap().write(&mut written);
        assert_eq!(written, json);
    }

    #[test]
    fn texts_are_kept() {
        for text in ["1.10", "12345678901234567891", "-0", "1E5", "0.10", "7", "-9223372036854775808", "1e1000"] {
            check(Number::parse(text), text);
        }
        check(Number::parse(" 5 "), "5");
        check(Number::parse(".5"), "0.5");
        check(Number::parse("5."), "5");
        check(Number::parse("007"), "7");
        check(Number::parse("+5"), "5");
        for text in ["", "nan", "0x1F", "1 2", "+-5", "1_000", "inf", "null", "--1", "e"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn results_are_written_as_jq_writes_them() {
        check(Some(Number::from_f64(5.0)), "5");
        check(Some(Number::from_f64(0.1 + 0.2)), "0.30000000000000004");
        check(Some(Number::from_f64(-0.0)), "-0");
        check(Some(Number::from_f64(f64::NAN)), "null");
        check(Some(Number::from_f64(f64::INFINITY)), "1.7976931348623157e+308");
        check(Some(Number::from_f64(12_345_678_901_234_567_000.0)), "12345678901234567000");
        check(Some(Number::from_f64(123_456_789_012_345_680.0)), "123456789012345680");
        check(Some(Number::from_f64(1e16)), "1e+16");
        check(Some(Number::from_f64(-1.25e300)), "-1.25e+300");
        check(Some(Number::from_f64(0.0001)), "0.0001");
        check(Some(Number::from_f64(0.000_012_5)), "1.25e-05");
    }

    fn any_number() -> impl Strategy<Value = Number> {
        prop_oneof![
            any::<i64>().prop_map(Number::Int),
            any::<f64>().prop_map(Number::from_f64),
            (-3_i32..3).prop_map(|n| Number::from_f64(EXACT + f64::from(n))),
            (-3_i64..3).prop_map(|n| Number::Int(9_007_199_254_740_992 + n)),
            (-3_i64..3).prop_map(|n| Number::Int(i64::MAX.saturating_add(n))),
            Just(Number::from_f64(9_223_372_036_854_775_808.0)),
            Just(Number::from_f64(f64::NAN)),
            "-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?".prop_map(|text| Number::from_json(&text)),
        ]
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_number(), b in any_number(), c in any_number()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
