//! The values that a filter of a list names.

/// Which values of a field are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOf(Vec<String>);

impl OneOf {
    /// Those in a text, separated by commas.
    pub(super) fn read(text: &str) -> OneOf {
        let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
        OneOf(values.map(str::to_lowercase).collect())
    }

    /// Whether a value is among them, in any letter case; a missing one is only where none is named.
    pub fn admits(&self, value: Option<&str>) -> bool {
        let is = |named: &String| value.is_some_and(|value| value.to_lowercase() == *named);
        self.0.is_empty() || self.0.iter().any(is)
    }

    /// Whether none is named.
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_named_is_any_and_several_are_each() {
        let (any, some) = (OneOf::read(" ,"), OneOf::read("High, in progress"));

        assert!(any.is_any() && any.admits(None) && any.admits(Some("x")));
        assert!(some.admits(Some("HIGH")) && some.admits(Some("In Progress")));
        assert!(!some.admits(None) && !some.admits(Some("low")));
    }
}
