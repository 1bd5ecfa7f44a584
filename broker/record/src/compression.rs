//! The codecs of record batches: gzip, Snappy, LZ4 and Zstandard.
//!
//! A batch is compressed once, by its producer, and decompressed by its consumers. The broker does both only where it must
//! look at single records: compaction and finding a record by its time. What comes out is bounded: a few hundred bytes
//! can claim to be gigabytes.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use thiserror::Error;

use crate::header::Compression;
use crate::limits::{SNAPPY_BLOCK_BYTES, ZSTD_WINDOW_LOG_MAX};

/// What Java's Snappy streams begin with: magic, version, and the version that can read it.
const XERIAL_HEAD: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// How much of it is magic.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Zstandard's own default, and Kafka's.
const ZSTD_LEVEL: i32 = 3;

/// Why the records of a batch cannot be decompressed, or compressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes are not what the codec writes.
    #[error("compressed records are damaged: {0}")]
    Damaged(String),
    /// They would take more than the caller allows.
    #[error("records take more than {bytes_max} bytes")]
    TooLarge {
        /// What the caller allows.
        bytes_max: usize,
    },
}

/// Decompresses the records of a batch, which may have `bytes_max` bytes.
///
/// # Errors
/// [`CodecError`].
pub fn decompress(codec: Compression, bytes: &Bytes, bytes_max: usize) -> Result<Bytes, CodecError> {
    match codec {
        Compression::None if bytes.len() > bytes_max => Err(CodecError::TooLarge { bytes_max }),
        Compression::None => Ok(bytes.clone()),
        Compression::Gzip => read_all(MultiGzDecoder::new(bytes.as_ref()), bytes_max),
        Compression::Snappy => unsnap(bytes, bytes_max),
        Compression::Lz4 => read_all(FrameDecoder::new(bytes.as_ref()), bytes_max),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes.as_ref()).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(damaged)?;
            read_all(decoder, bytes_max)
        }
    }
}

/// Compresses records.
///
/// # Errors
/// [`CodecError::Damaged`] where the codec fails, which those here do not in memory.
pub fn compress(codec: Compression, records: &[u8]) -> Result<Bytes, CodecError> {
    let compressed = match codec {
        Compression::None => records.to_vec(),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(records).map_err(damaged)?;
            encoder.finish().map_err(damaged)?
        }
        Compression::Snappy => snap(records)?,
        Compression::Lz4 => {
            // As Kafka's own: Java's reader understands independent blocks only.
            let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(records).map_err(damaged)?;
            encoder.finish().map_err(damaged)?
        }
        Compression::Zstd => zstd::stream::encode_all(records, ZSTD_LEVEL).map_err(damaged)?,
    };
    Ok(Bytes::from(compressed))
}

fn damaged(problem: impl std::fmt::Display) -> CodecError {
    CodecError::Damaged(problem.to_string())
}

fn read_all(reader: impl Read, bytes_max: usize) -> Result<Bytes, CodecError> {
    let mut out = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut out).map_err(damaged)?;
    if out.len() > bytes_max { Err(CodecError::TooLarge { bytes_max }) } else { Ok(Bytes::from(out)) }
}

/// Reads both forms there are: Java's, of length-prefixed blocks, and librdkafka's, one block and nothing else.
fn unsnap(bytes: &Bytes, bytes_max: usize) -> Result<Bytes, CodecError> {
    let mut out = Vec::new();
    let Some(mut blocks) = bytes.strip_prefix(&XERIAL_MAGIC) else {
        unsnap_block(bytes, bytes_max, &mut out)?;
        return Ok(Bytes::from(out));
    };
    blocks = blocks.get(XERIAL_HEAD.len() - XERIAL_MAGIC.len()..).ok_or_else(|| damaged("the head is cut off"))?;
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (block, rest) = rest.split_at_checked(length).ok_or_else(|| damaged("a block is cut off"))?;
        unsnap_block(block, bytes_max, &mut out)?;
        blocks = rest;
    }
    if blocks.is_empty() { Ok(Bytes::from(out)) } else { Err(damaged("a length is cut off")) }
}

fn unsnap_block(block: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let length = snap::raw::decompress_len(block).map_err(damaged)?;
    // Compared before anything is reserved: the length is the sender's word.
    if out.len().saturating_add(length) > bytes_max {
        return Err(CodecError::TooLarge { bytes_max });
    }
    out.extend_from_slice(&snap::raw::Decoder::new().decompress_vec(block).map_err(damaged)?);
    Ok(())
}

fn snap(records: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut out = XERIAL_HEAD.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(SNAPPY_BLOCK_BYTES) {
        let compressed = encoder.compress_vec(block).map_err(damaged)?;
        out.extend_from_slice(&u32::try_from(compressed.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    Ok(out)
}
