//! Where a read of NVD is, and what follows: by index, by names, by windows of modification.

use super::Listing;
use azure_core::http::Url;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// Records of a page at most, which is also what NVD gives unasked.
///
/// <https://nvd.nist.gov/developers/vulnerabilities>
pub(super) const PAGE: u64 = 2_000;
/// Names that one request takes.
const NAMES: usize = 100;
/// Longest window of modification, an hour within the documented 120 days.
const WINDOW: SignedDuration = SignedDuration::from_hours(120 * 24 - 1);
/// How far before the last reading the next one begins: what is written meanwhile shows later.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// Where a read is. It travels in the link's fragment, which is never sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spot {
    /// What was modified from here …
    pub from: Option<Timestamp>,
    /// … up to here; all records where absent.
    pub to: Option<Timestamp>,
    /// Where the last window ends; of a whole read, nothing.
    pub until: Option<Timestamp>,
    /// NVD's own time when the read that is under way began.
    pub mark: Option<Timestamp>,
    /// Index of the first record.
    pub index: u64,
    /// Records asked for.
    pub size: u64,
    /// What is asked for by name before the window; the first [`NAMES`] of them in this request.
    pub names: Vec<String>,
}

/// The first request of a run: after a last one the records of these names, then what was modified since; all
/// where there was none.
///
/// A name is a CVE id: NVD takes no others.
pub fn first_link(
    (origin, path): (&str, &str),
    since: Option<&str>,
    names: Vec<String>,
    now: Timestamp,
) -> String {
    let since = since.and_then(instant);
    let spot = match since {
        Some(since) => Spot { names, ..Spot::window(since - OVERLAP, now) },
        None => Spot { size: PAGE, ..Spot::default() },
    };
    spot.link(&format!("{origin}{path}"))
}

impl Spot {
    /// The beginning of a read of what was modified between these times.
    pub fn window(from: Timestamp, until: Timestamp) -> Spot {
        // The link says times to the second.
        let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
        let to = until.min(from + WINDOW);
        let (from, to, until) = (Some(from), Some(to), Some(until));
        Spot { from, to, until, mark: None, index: 0, size: PAGE, names: Vec::new() }
    }

    pub fn link(&self, address: &str) -> String {
        let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut link = format!("{address}?resultsPerPage={}&startIndex={}", self.size, self.index);
        let by_name = !self.names.is_empty();
        if let (Some(from), Some(to), false) = (self.from, self.to, by_name) {
            link.push_str(&format!("&lastModStartDate={}&lastModEndDate={}", time(from), time(to)));
        }
        let (asked, waiting) = self.names.split_at(self.names.len().min(NAMES));
        if by_name {
            link.push_str(&format!("&cveIds={}", asked.join(",")));
        }
        let from = self.from.filter(|_| by_name);
        let kept = [("from", from), ("until", self.until), ("mark", self.mark)];
        let kept = kept.iter().filter_map(|(name, at)| Some(format!("{name}={}", (*at)?)));
        let mut kept: Vec<_> = kept.collect();
        if !waiting.is_empty() {
            kept.push(format!("names={}", waiting.join(",")));
        }
        if !kept.is_empty() {
            link.push_str(&format!("#{}", kept.join("&")));
        }
        link
    }

    pub fn of(url: &Url) -> Spot {
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let kept = url.fragment().unwrap_or_default().split('&');
        let kept: HashMap<_, _> = kept.filter_map(|pair| pair.split_once('=')).collect();
        let number = |name: &str| asked.get(name).and_then(|text| text.parse().ok());
        let time = |name: &str| asked.get(name).and_then(|text| instant(text));
        let kept_time = |name: &str| kept.get(name).and_then(|text| instant(text));
        let asked_names = asked.get("cveIds").map(String::as_str);
        let names = asked_names.into_iter().chain(kept.get("names").copied());
        let names: Vec<_> = names.flat_map(|names| names.split(',')).map(str::to_owned).collect();
        let until = kept_time("until");
        let (from, to) = match (names.is_empty(), kept_time("from"), until) {
            (false, Some(from), Some(until)) => {
                let window = Spot::window(from, until);
                (window.from, window.to)
            }
            _ => (time("lastModStartDate"), time("lastModEndDate")),
        };
        Spot {
            from,
            to,
            until,
            mark: kept_time("mark"),
            index: number("startIndex").unwrap_or(0),
            size: number("resultsPerPage").unwrap_or(PAGE),
            names,
        }
    }

    /// The names that this request asks for.
    pub fn asked(&self) -> &[String] {
        &self.names[..self.names.len().min(NAMES)]
    }

    /// The next names, or the window where none are left.
    fn after_names(&self, mark: Option<Timestamp>) -> Spot {
        let names = self.names[self.asked().len()..].to_vec();
        Spot { names, mark, index: 0, ..self.clone() }
    }

    /// What follows a page: the next one, the next names, the next window, and after a whole read what was
    /// modified while it was under way; nothing at the end.
    pub fn next(&self, listing: &Listing, now: Timestamp) -> Option<Spot> {
        let mark = self.mark.or(Some(now));
        let index = listing.start_index + listing.results_per_page.max(1);
        if !listing.vulnerabilities.is_empty() && index < listing.total_results {
            return Some(Spot { index, mark, ..self.clone() });
        }
        if !self.names.is_empty() {
            return Some(self.after_names(mark));
        }
        match (self.to, self.until) {
            (Some(to), Some(until)) if to < until => {
                Some(Spot { mark, size: self.size, ..Spot::window(to - OVERLAP, until) })
            }
            (Some(_), _) => None,
            // Page numbers shift when records change during a long read.
            (None, _) => Some(Spot { size: self.size, ..Spot::window(mark? - OVERLAP, now) }),
        }
    }
}

/// NVD's times have no zone and mean UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}
