//! What the operator is told: errors and warnings, each with what happened, what to do, and where.

use crate::limits::DIAGNOSTICS_MAX;
use crate::path::Path;
use crate::proto::tfplugin6 as wire;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    summary: String,
    detail: String,
    path: Path,
}

/// How grave a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed or would fail.
    Error,
    /// Worth knowing; the operation goes on.
    Warning,
}

impl Diagnostic {
    /// An error: a short summary, and what to do about it.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: Path::root() }
    }

    /// A warning: a short summary, and what to do about it.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary, detail) }
    }

    /// Names the attribute that it is about: `.at("name")`, or a longer [`Path`].
    #[must_use]
    pub fn at(mut self, path: impl Into<Path>) -> Self {
        self.path = path.into();
        self
    }

    /// How grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The first line.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What follows.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn from_wire(wire: wire::Diagnostic) -> Self {
        let severity = match wire.severity() {
            wire::diagnostic::Severity::Warning => Severity::Warning,
            wire::diagnostic::Severity::Error | wire::diagnostic::Severity::Invalid => Severity::Error,
        };
        let path = wire.attribute.as_ref().map(Path::from_wire).unwrap_or_default();
        Self { severity, summary: wire.summary, detail: wire.detail, path }
    }

    fn into_wire(self) -> wire::Diagnostic {
        let severity = match self.severity {
            Severity::Error => wire::diagnostic::Severity::Error,
            Severity::Warning => wire::diagnostic::Severity::Warning,
        };
        wire::Diagnostic {
            severity: severity.into(),
            summary: self.summary,
            detail: self.detail,
            attribute: (!self.path.is_root()).then(|| self.path.to_wire()),
        }
    }
}

/// Errors and warnings in the order in which they were found.
///
/// As the error of a `Result` it may be made from anything that becomes a [`Diagnostic`], so `?` works on both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None so far.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one, up to [`DIAGNOSTICS_MAX`].
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.0.len() < DIAGNOSTICS_MAX {
            self.0.push(diagnostic);
        }
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        others.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// `Err` with all of them when one is an error; else `Ok`, warnings are dropped.
    ///
    /// # Errors
    /// When one of them is an error.
    pub fn into_result(self) -> Result<(), Self> {
        if self.has_errors() { Err(self) } else { Ok(()) }
    }

    pub(crate) fn into_wire(self) -> Vec<wire::Diagnostic> {
        self.0.into_iter().map(Diagnostic::into_wire).collect()
    }
}

impl<D: Into<Diagnostic>> From<D> for Diagnostics {
    fn from(diagnostic: D) -> Self {
        Self(vec![diagnostic.into()])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Self::new();
        all.extend(diagnostics);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_make_a_result_fail() {
        let warning = Diagnostic::warning("a", "b");
        assert!(Diagnostics::from(warning.clone()).into_result().is_ok());
        let both: Diagnostics = [warning, Diagnostic::error("c", "d").at("name")].into_iter().collect();
        assert_eq!(both.into_result().unwrap_err().iter().count(), 2);
    }
}
