//! Where in a configuration or state something is.

use std::fmt;

use crate::proto::tfplugin6::{AttributePath, attribute_path};

/// The way from a resource to one of its attributes or to an element inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into the named attribute of an object.
    Attribute(String),
    /// Into the element of a map under this key.
    Key(String),
    /// Into the element of a list at this place.
    Index(usize),
}

impl Path {
    /// The resource itself.
    #[must_use]
    pub const fn root() -> Self {
        Self { steps: Vec::new() }
    }

    /// One step on, into an attribute.
    #[must_use]
    pub fn attribute(self, name: impl Into<String>) -> Self {
        self.step(Step::Attribute(name.into()))
    }

    /// One step on, into a map.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.step(Step::Key(key.into()))
    }

    /// One step on, into a list.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// The steps from the resource on.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the path names the resource itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same path seen from one level further out.
    pub(crate) fn under(mut self, step: Step) -> Self {
        self.steps.insert(0, step);
        self
    }

    pub(crate) fn to_wire(&self) -> AttributePath {
        use attribute_path::step::Selector;
        let steps = self.steps.iter().map(|step| attribute_path::Step {
            selector: Some(match step {
                Step::Attribute(name) => Selector::AttributeName(name.clone()),
                Step::Key(key) => Selector::ElementKeyString(key.clone()),
                Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
            }),
        });
        AttributePath { steps: steps.collect() }
    }
}

impl Path {
    pub(crate) fn from_wire(path: &AttributePath) -> Self {
        use attribute_path::step::Selector;
        let steps = path.steps.iter().filter_map(|step| match step.selector.as_ref()? {
            Selector::AttributeName(name) => Some(Step::Attribute(name.clone())),
            Selector::ElementKeyString(key) => Some(Step::Key(key.clone())),
            Selector::ElementKeyInt(index) => Some(Step::Index(usize::try_from(*index).ok()?)),
        });
        Self { steps: steps.collect() }
    }
}

impl From<&str> for Path {
    /// An attribute of the resource, by name.
    fn from(name: &str) -> Self {
        Self::root().attribute(name)
    }
}

impl From<&Path> for Path {
    fn from(path: &Path) -> Self {
        path.clone()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Attribute(name) if place == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_the_configuration() {
        let path = Path::from("rule").index(2).attribute("tags").key("a b");
        assert_eq!(path.to_string(), r#"rule[2].tags["a b"]"#);
    }
}
