//! Numbers, out of JSON's own and out of strings alike, as Java reads them.

/// A whole number, or one such as `0x1f`.
pub(super) fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A float, which is infinite if it is too large for one.
pub(super) fn float(text: &str) -> Option<f64> {
    match text.trim_ascii() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// A decimal number times ten to the power of `scale`, its last digit rounded half up, as Hive does. None if it is no
/// number, or one of more than 38 digits.
pub(super) fn decimal(text: &str, scale: u8) -> Option<i128> {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole.bytes().chain(fraction.bytes());
    if mantissa.len() <= usize::from(mantissa.contains('.')) || !digits.clone().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let leading = digits.clone().take_while(|digit| *digit == b'0').count();
    if leading == whole.len() + fraction.len() {
        return Some(0);
    }
    // The digits from the first that counts to the last that is kept.
    let before_point = exponent.parse::<i64>().ok()?.saturating_add(length(whole));
    let kept = before_point.saturating_add(i64::from(scale)).saturating_sub(i64::try_from(leading).unwrap_or(i64::MAX));
    if kept < 0 {
        return Some(0);
    }
    let kept = usize::try_from(kept).ok().filter(|kept| *kept <= 38)?;
    let digit = |digit: u8| i128::from(digit - b'0');
    digits.by_ref().take(leading).for_each(drop);
    let mut value = 0;
    for _ in 0..kept {
        value = value * 10 + digits.next().map_or(0, digit);
    }
    Some(sign * (value + i128::from(digits.next().is_some_and(|next| next >= b'5'))))
}

/// A number as [`decimal`] gives it, with its point.
pub(super) fn with_point(value: i128, scale: u8) -> String {
    let one = 10_u128.pow(u32::from(scale));
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    match scale {
        0 => format!("{sign}{value}"),
        _ => format!("{sign}{}.{:0digits$}", value / one, value % one, digits = usize::from(scale)),
    }
}
