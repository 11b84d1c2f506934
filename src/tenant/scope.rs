//! Which of a tenant's Azure subscriptions are collected.

/// Subscriptions by id, or all below a management group; all that the identity may read where
/// neither is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    subscriptions: Vec<String>,
    group: Option<String>,
}

impl Scope {
    /// These subscriptions and no others.
    pub fn subscriptions(mut ids: Vec<String>) -> Scope {
        ids.iter_mut().for_each(|id| id.make_ascii_lowercase());
        ids.sort();
        ids.dedup();
        Scope { subscriptions: ids, group: None }
    }

    /// All below the management group of that name.
    pub fn group(name: String) -> Scope {
        Scope { subscriptions: Vec::new(), group: Some(name) }
    }

    /// The subscriptions that are named, in lower case and order, each once.
    pub fn named(&self) -> &[String] {
        &self.subscriptions
    }

    /// The management group.
    pub fn management_group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Whether a subscription is one of those that are named, or none is.
    pub fn takes(&self, id: &str) -> bool {
        self.subscriptions.is_empty()
            || self.subscriptions.iter().any(|named| named.eq_ignore_ascii_case(id))
    }
}
