//! How Firehose compresses objects, and what Athena reads of that.
//!
//! <https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html>,
//! <https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html>

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use snap::raw::{Decoder, Encoder};
use std::io::{self, Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The `CompressionFormat` of a delivery stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Objects are as they are.
    #[default]
    Uncompressed,
    /// gzip.
    Gzip,
    /// An archive with one entry.
    Zip,
    /// Snappy in the stream of xerial's snappy-java, which is not Snappy's own framing format.
    Snappy,
    /// Snappy in Hadoop's blocks.
    HadoopSnappy,
}

/// The bytes that snappy-java compresses at once, unless it is told otherwise.
const SNAPPY_BLOCK: usize = 32 * 1_024;

/// What snappy-java's stream begins with: its name, and twice its version.
const SNAPPY_JAVA: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];

/// The most bytes that Hadoop's blocks are read to, each; its own have 256 KiB.
const LARGEST_BLOCK: usize = 64 << 20;

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Uncompressed, Self::Gzip, Self::Zip, Self::Snappy, Self::HadoopSnappy];

    /// The one that Firehose calls so; it insists on the case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name() == name)
    }

    /// What Firehose calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "UNCOMPRESSED",
            Self::Gzip => "GZIP",
            Self::Zip => "ZIP",
            Self::Snappy => "Snappy",
            Self::HadoopSnappy => "HADOOP_SNAPPY",
        }
    }

    /// What the names of objects end in unless `FileExtension` says otherwise. AWS documents `.hsnappy` for Hadoop's blocks, and
    /// writes `.snappy`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Uncompressed => "",
            Self::Gzip => ".gz",
            Self::Zip => ".zip",
            Self::Snappy | Self::HadoopSnappy => ".snappy",
        }
    }

    /// Compresses an object. Of an archive, `entry` gives the name of what is in it.
    pub fn compress(self, bytes: Vec<u8>, entry: impl FnOnce(&[u8]) -> String) -> io::Result<Vec<u8>> {
        match self {
            Self::Uncompressed => Ok(bytes),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&bytes)?;
                encoder.finish()
            }
            Self::Zip => {
                let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
                let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
                archive.start_file(entry(&bytes), options)?;
                archive.write_all(&bytes)?;
                Ok(archive.finish()?.into_inner())
            }
            Self::Snappy => blocks(SNAPPY_JAVA.to_vec(), &bytes, false),
            Self::HadoopSnappy => blocks(Vec::new(), &bytes, true),
        }
    }
}

/// An object as it was before it was compressed, so far as Athena can read it: by the end of its key, as Hadoop's codecs do.
/// Any other end is that of an object that is not compressed. The error says of what Athena could not read why.
pub fn decompress(key: &str, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let unreadable = |why: &str| Err(io::Error::new(io::ErrorKind::Unsupported, why.to_owned()));
    let name = key.rsplit('/').next().unwrap_or(key);
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "gz" => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
            Ok(plain)
        }
        "snappy" if bytes.starts_with(&SNAPPY_JAVA[..8]) => {
            unreadable("Snappy in the stream of snappy-java, expected Hadoop's blocks: Athena reads no other")
        }
        "snappy" => hadoop_blocks(&bytes),
        "zip" => unreadable("a ZIP archive, expected a compression that Athena reads, such as gzip"),
        extension @ ("bz2" | "deflate" | "lz4" | "lzo" | "zst") => {
            unreadable(&format!("compressed as `.{extension}`, which Firehose does not write and is not read here"))
        }
        _ => Ok(bytes),
    }
}

/// Snappy's blocks, each behind its length, and that behind the length of what is in it if Hadoop is to read them.
fn blocks(mut out: Vec<u8>, bytes: &[u8], for_hadoop: bool) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new();
    for block in bytes.chunks(SNAPPY_BLOCK) {
        if for_hadoop {
            out.extend(length(block)?);
        }
        let compressed = encoder.compress_vec(block)?;
        out.extend(length(&compressed)?);
        out.extend(compressed);
    }
    Ok(out)
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    Ok(u32::try_from(bytes.len()).map_err(io::Error::other)?.to_be_bytes())
}

/// Reads blocks as Hadoop does: each may be of several parts, until its length is reached.
fn hadoop_blocks(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (mut rest, mut out) = (bytes, Vec::new());
    let mut decoder = Decoder::new();
    while !rest.is_empty() {
        let block = number(&mut rest)?;
        let end = out.len() + block;
        if block > LARGEST_BLOCK {
            return Err(damaged("a block is too large"));
        }
        while out.len() < end {
            let part = number(&mut rest)?;
            let (part, after) = rest.split_at_checked(part).ok_or_else(|| damaged("it ends early"))?;
            if snap::raw::decompress_len(part)? > end - out.len() {
                return Err(damaged("a block is longer than it says"));
            }
            out.extend(decoder.decompress_vec(part)?);
            rest = after;
        }
    }
    Ok(out)
}

fn number(rest: &mut &[u8]) -> io::Result<usize> {
    let (number, after) = rest.split_first_chunk().ok_or_else(|| damaged("it ends early"))?;
    *rest = after;
    usize::try_from(u32::from_be_bytes(*number)).map_err(io::Error::other)
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no Snappy in Hadoop's blocks: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads what snappy-java's `SnappyInputStream` reads.
    fn snappy_java(bytes: &[u8]) -> Vec<u8> {
        let mut rest = bytes.strip_prefix(&SNAPPY_JAVA).unwrap();
        let mut out = Vec::new();
        while !rest.is_empty() {
            let length = number(&mut rest).unwrap();
            out.extend(Decoder::new().decompress_vec(&rest[..length]).unwrap());
            rest = &rest[length..];
        }
        out
    }

    fn named(_: &[u8]) -> String {
        "entry".to_owned()
    }

    fn unzipped(bytes: Vec<u8>) -> (String, Vec<u8>) {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut entry = archive.by_index(0).unwrap();
        let mut plain = Vec::new();
        entry.read_to_end(&mut plain).unwrap();
        (entry.name().unwrap().into_owned(), plain)
    }

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
            .collect()
    }

    #[test]
    fn names_are_those_of_firehose() {
        assert_eq!(Compression::of_name("Snappy"), Some(Compression::Snappy));
        assert_eq!(Compression::of_name("SNAPPY"), None);
        let all = Compression::ALL.map(|compression| format!("{}{}", compression.name(), compression.extension()));
        insta::assert_snapshot!(all.join(" "), @"UNCOMPRESSED GZIP.gz ZIP.zip Snappy.snappy HADOOP_SNAPPY.snappy");
    }

    #[test]
    fn snappy_comes_in_two_streams() {
        let compressed = |compression: Compression| hex(&compression.compress(b"{}\n".to_vec(), named).unwrap());
        insta::assert_snapshot!(compressed(Compression::Snappy), @"82534e415050590000000001000000010000000503087b7d0a");
        insta::assert_snapshot!(compressed(Compression::HadoopSnappy), @"000000030000000503087b7d0a");
    }

    #[test]
    fn the_same_bytes_are_compressed_to_the_same() {
        for compression in Compression::ALL {
            let compressed = || compression.compress(b"{}\n".to_vec(), named).unwrap();
            assert_eq!(compressed(), compressed(), "{compression:?}");
        }
    }

    #[test]
    fn blocks_of_several_parts_are_read_as_hadoop_writes_them() {
        let part = |text: &[u8]| Encoder::new().compress_vec(text).unwrap();
        let (first, second) = (part(b"one"), part(b"two"));
        let mut bytes = 6_u32.to_be_bytes().to_vec();
        for part in [first, second] {
            bytes.extend(length(&part).unwrap());
            bytes.extend(part);
        }
        assert_eq!(decompress("a/x.snappy", bytes.clone()).unwrap(), b"onetwo");
        assert_eq!(decompress("a/x.snappy", vec![0; 4]).unwrap(), b"");
        bytes.truncate(bytes.len() - 1);
        insta::assert_snapshot!(decompress("a/x.snappy", bytes).unwrap_err(), @"no Snappy in Hadoop's blocks: it ends early");
        insta::assert_snapshot!(decompress("a/x.snappy", vec![255; 9]).unwrap_err(), @"no Snappy in Hadoop's blocks: a block is too large");
    }

    #[test]
    fn what_athena_could_not_read_is_refused() {
        let refused = |key: &str, compression: Compression| {
            decompress(key, compression.compress(b"{}\n".to_vec(), named).unwrap()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(refused("a/x.snappy", Compression::Snappy), @"Snappy in the stream of snappy-java, expected Hadoop's blocks: Athena reads no other");
        insta::assert_snapshot!(refused("a/x.zip", Compression::Zip), @"a ZIP archive, expected a compression that Athena reads, such as gzip");
        insta::assert_snapshot!(refused("a/x.json.bz2", Compression::Uncompressed), @"compressed as `.bz2`, which Firehose does not write and is not read here");
        insta::assert_snapshot!(refused("a/x.gz", Compression::Uncompressed), @"unexpected end of file");
    }

    #[test]
    fn an_object_is_known_by_the_end_of_its_key() {
        let gzip = Compression::Gzip.compress(b"{}\n".to_vec(), named).unwrap();
        assert_eq!(decompress("dt=1.gz/x.json", gzip.clone()).unwrap(), gzip);
        assert_eq!(decompress("dt=1/x", gzip.clone()).unwrap(), gzip);
        assert_eq!(decompress("dt=1/x.json.gz", gzip).unwrap(), b"{}\n");
    }

    proptest! {
        #[test]
        fn what_was_compressed_is_read_again(bytes in proptest::collection::vec(0_u8..4, 0..2_000), times in 0_usize..50) {
            // Of several blocks, now and then.
            let bytes = bytes.repeat(times);
            let compressed = |compression: Compression| compression.compress(bytes.clone(), named).unwrap();
            prop_assert_eq!(&decompress("x.gz", compressed(Compression::Gzip)).unwrap(), &bytes);
            prop_assert_eq!(&decompress("x.snappy", compressed(Compression::HadoopSnappy)).unwrap(), &bytes);
            prop_assert_eq!(&decompress("x", compressed(Compression::Uncompressed)).unwrap(), &bytes);
            prop_assert_eq!(&snappy_java(&compressed(Compression::Snappy)), &bytes);
            prop_assert_eq!(unzipped(compressed(Compression::Zip)), ("entry".to_owned(), bytes));
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            drop(decompress("x.snappy", bytes.clone()));
            drop(decompress("x.gz", bytes));
        }
    }
}
