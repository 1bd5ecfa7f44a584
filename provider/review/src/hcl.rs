//! HCL files: parsing with bounds, and the lines that things stand in.

use std::{ops::Range, path::Path};

use hcl_edit::structure::Body;
use provider_boundary::model::Place;
use thiserror::Error;

use crate::limits;

/// A file that is no HCL, or too much of it.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{file}:{line}: {problem}")]
pub struct HclError {
    /// Path as shown.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// The text of one file, with the starts of its lines.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) file: String,
    line_starts: Vec<usize>,
}

/// Parses a file.
///
/// # Errors
/// [`HclError`] with the place.
pub(crate) fn parse(file: &str, text: &str) -> Result<(Text, Body), HclError> {
    let error = |line: usize, problem: String| HclError { file: file.into(), line, problem };
    if text.len() > limits::HCL_BYTES_MAX {
        return Err(error(1, format!("larger than {} bytes", limits::HCL_BYTES_MAX)));
    }
    // The parser recurses: brackets nested too deep would overflow its stack.
    if let Some(line) = too_deep(text) {
        return Err(error(line, format!("nested more than {} deep", limits::HCL_DEPTH_MAX)));
    }
    let body = hcl_edit::parser::parse_body(text).map_err(|problem| {
        error(problem.location().line(), problem.message().lines().next().unwrap_or_default().trim().to_owned())
    })?;
    let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    Ok((Text { file: file.into(), line_starts }, body))
}

impl Text {
    /// The place of a span of bytes.
    pub(crate) fn place(&self, span: Option<Range<usize>>) -> Place {
        let line = |offset: usize| self.line_starts.partition_point(|start| *start <= offset).max(1);
        match span {
            Some(span) => Place {
                file: self.file.clone(),
                line: line(span.start),
                last_line: line(span.end.saturating_sub(1).max(span.start)),
            },
            None => Place { file: self.file.clone(), line: 1, last_line: 1 },
        }
    }
}

/// A path with `/`, relative to `root`.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.to_string_lossy().replace('\\', "/")
}

/// The line at which brackets are nested too deep. It counts those in texts and comments too: it only has to be safe.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut line = 1;
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if depth > limits::HCL_DEPTH_MAX {
            return Some(line);
        }
    }
    None
}
