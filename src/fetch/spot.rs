//! Where a read of Azure's resources is, as the link that a cursor holds.
//!
//! The link is what is asked, with the rest in its fragment, which never leaves this program:
//! `…/resources?api-version=2022-10-01#from=<id>&token=<token>` is a page of Resource Graph, the
//! group of subscriptions told by its first; `…/subscriptions?api-version=2022-12-01#begin` is the
//! beginning of a walk through lists; `…?api-version=…#list&at=<subscription>&at=<name>` is a page
//! of one of them, told by the names that lead there.

use azure_core::http::Url;

/// A place in a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// A page of Resource Graph.
    Rows {
        /// First subscription of the group; empty where there are no groups, or in the first.
        from: String,
        /// The skip token; empty at the group's first page.
        token: String,
    },
    /// Before the first list.
    Begin,
    /// A page of a list, by the names that lead there.
    List(Vec<String>),
}

impl Spot {
    /// The place that a link tells; nothing where its fragment isn't of ours.
    pub(super) fn of(url: &Url) -> Option<Spot> {
        let mut scratch = url.clone();
        scratch.set_query(url.fragment());
        let pairs: Vec<(String, String)> = scratch.query_pairs().into_owned().collect();
        let (kind, first) = pairs.first()?;
        match kind.as_str() {
            "from" => {
                let token = pairs.iter().find(|(name, _)| name == "token");
                let token = token.map(|(_, token)| token.clone()).unwrap_or_default();
                Some(Spot::Rows { from: first.clone(), token })
            }
            "begin" => Some(Spot::Begin),
            "list" => {
                Some(Spot::List(pairs.iter().skip(1).map(|(_, name)| name.clone()).collect()))
            }
            _ => None,
        }
    }

    /// `link`, without a fragment, as this place's.
    pub(super) fn link(&self, link: &str) -> String {
        let Ok(mut scratch) = Url::parse("https://x") else { return link.to_owned() };
        {
            let mut pairs = scratch.query_pairs_mut();
            match self {
                Spot::Rows { from, token } => {
                    pairs.append_pair("from", from);
                    if !token.is_empty() {
                        pairs.append_pair("token", token);
                    }
                }
                Spot::Begin => {
                    pairs.append_key_only("begin");
                }
                Spot::List(names) => {
                    pairs.append_key_only("list");
                    pairs.extend_pairs(names.iter().map(|name| ("at", name)));
                }
            }
        }
        format!("{}#{}", without_fragment(link), scratch.query().unwrap_or_default())
    }
}

/// What of a link is asked.
pub(super) fn without_fragment(link: &str) -> &str {
    link.split_once('#').map_or(link, |(asked, _)| asked)
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    let Ok(mut url) = Url::parse("https://x/") else { return String::new() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().push(name);
    }
    url.path().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_link_and_nothing_of_it_is_asked() {
        let link = "https://management.azure.com/x?api-version=1&$skiptoken=a%2Fb";
        for spot in [
            Spot::Rows { from: String::new(), token: String::new() },
            Spot::Rows { from: "1111-2222".to_owned(), token: "a+b/c= #&%2F".to_owned() },
            Spot::Begin,
            Spot::List(Vec::new()),
            Spot::List(vec!["1111".to_owned(), "PCI DSS/3.2#&".to_owned(), "2.1".to_owned()]),
        ] {
            let told = spot.link(link);
            assert_eq!(Spot::of(&Url::parse(&told).unwrap()), Some(spot.clone()), "{told}");
            assert_eq!(without_fragment(&told), link);
            assert_eq!(spot.link(&told), told);
        }
        assert_eq!(Spot::of(&Url::parse(link).unwrap()), None);
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(segment("PCI-DSS-3.2"), "PCI-DSS-3.2");
        assert_eq!(segment("a b/c?d#e%"), "a%20b%2Fc%3Fd%23e%25");
        assert_eq!(segment(".."), "");
    }
}
