//! Azure subscriptions: their names, for answers that know ids only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;

/// Subscriptions that are kept; Resource Graph itself reads 10,000 at most.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// Longest name that is kept, in characters.
const MAX_CHARS: usize = 64;

/// Names of subscriptions, at most 10,000.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AzureSubscriptions {
    /// By the subscription's id in lower case.
    pub names: BTreeMap<String, String>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl AzureSubscriptions {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let id = record.subscription_id?.to_lowercase();
        let Some(name) = record.display_name.as_deref() else { return Some(()) };
        if self.names.len() < MAX_SUBSCRIPTIONS || self.names.contains_key(&id) {
            self.names.insert(id, lenient::cut(name, MAX_CHARS).to_owned());
        }
        Some(())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    subscription_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    display_name: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Kind};

    #[test]
    fn a_subscription_has_its_newest_name_and_one_without_has_none() {
        let mut digest = Digest::new(Kind::AzureSubscriptions);
        for line in [
            r#"{"subscriptionId":"AAAA","displayName":"Old"}"#,
            r#"{"subscriptionId":"aaaa","displayName":"Shop"}"#,
            r#"{"subscriptionId":"bbbb","displayName":null}"#,
            r#"{"displayName":"Nobody's"}"#,
        ] {
            digest.add(line.as_bytes());
        }

        let Digest::AzureSubscriptions(fold) = &digest else { panic!("another kind") };
        let names = BTreeMap::from([("aaaa".to_owned(), "Shop".to_owned())]);
        assert_eq!((&fold.names, fold.unreadable), (&names, 1));
    }
}
