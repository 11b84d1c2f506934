//! NVD's records: all of them by index, then what was modified since, in windows of at most 120 days; and by
//! name those that nobody asked for before.

use super::feed::in_one_line;
use super::page::{Page, Place, malformed};
use super::{FetchError, Reader};
use crate::cloud::{Answer, CallError, Meter, Patience};
use azure_core::http::Url;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;
use tracing::warn;

/// Records of a page at most, which is also what NVD gives unasked.
///
/// <https://nvd.nist.gov/developers/vulnerabilities>
const PAGE: u64 = 2_000;
/// Fewest records asked for where NVD takes too long.
const SMALLEST_PAGE: u64 = 250;
/// Names that one request takes.
const NAMES: usize = 100;
/// Longest window of modification, an hour within the documented 120 days.
const WINDOW: SignedDuration = SignedDuration::from_hours(120 * 24 - 1);
/// How far before the last reading the next one begins: what is written meanwhile shows later.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// The first wait of our own after a failure; the next ones are twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(6);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    start_index: u64,
    results_per_page: u64,
    total_results: u64,
    timestamp: String,
    #[serde(borrow)]
    vulnerabilities: Vec<Wrapped<'a>>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    cve: &'a RawValue,
}

/// Where a read is. It travels in the link's fragment, which is never sent.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spot {
    /// What was modified from here …
    from: Option<Timestamp>,
    /// … up to here; all records where absent.
    to: Option<Timestamp>,
    /// Where the last window ends; of a whole read, nothing.
    until: Option<Timestamp>,
    /// NVD's own time when the read that is under way began.
    mark: Option<Timestamp>,
    /// Index of the first record.
    index: u64,
    /// Records asked for.
    size: u64,
    /// What is asked for by name before the window; the first [`NAMES`] of them in this request.
    names: Vec<String>,
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
    fn window(from: Timestamp, until: Timestamp) -> Spot {
        // The link says times to the second.
        let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
        let to = until.min(from + WINDOW);
        let (from, to, until) = (Some(from), Some(to), Some(until));
        Spot { from, to, until, mark: None, index: 0, size: PAGE, names: Vec::new() }
    }

    fn link(&self, address: &str) -> String {
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

    fn of(url: &Url) -> Spot {
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
    fn asked(&self) -> &[String] {
        &self.names[..self.names.len().min(NAMES)]
    }

    /// The next names, or the window where none are left.
    fn after_names(&self, mark: Option<Timestamp>) -> Spot {
        let names = self.names[self.asked().len()..].to_vec();
        Spot { names, mark, index: 0, ..self.clone() }
    }

    /// What follows a page: the next one, the next names, the next window, and after a whole read what was modified while
    /// it was under way; nothing at the end.
    fn next(&self, listing: &Listing, now: Timestamp) -> Option<Spot> {
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
fn instant(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

impl Reader<'_> {
    /// The page at `url`. Where NVD takes too long over it, half of it is asked for.
    pub(super) async fn nvd(&mut self, url: Url, meter: &Meter) -> Result<Page, FetchError> {
        let mut spot = Spot::of(&url);
        let address = format!("{}{}", url.origin().ascii_serialization(), url.path());
        // Tests have less patience than NVD needs.
        let first_wait = match self.patience.first_wait < Patience::DEFAULT.first_wait {
            true => self.patience.first_wait,
            false => FIRST_WAIT,
        };
        let patience = Patience { first_wait, ..self.patience };
        loop {
            let asked = Url::parse(&spot.link(&address));
            let asked = asked.map_err(|error| FetchError::Broken { what: error.to_string() })?;
            let read = |answer| read(answer, &spot, &address);
            match self.visit(asked, &patience, meter, read).await {
                Ok((page, _)) => return Ok(page),
                Err(CallError::Unavailable { what, .. })
                    if what == "answered 524" && spot.size / 2 >= SMALLEST_PAGE =>
                {
                    spot.size /= 2;
                }
                // Newer than the rest of the service, and not worth the rest of the run.
                Err(error @ CallError::Rejected { .. }) if !spot.names.is_empty() => {
                    warn!("NVD gives nothing by name ({error}): the next run asks again");
                    let window = Spot { names: Vec::new(), index: 0, ..spot };
                    return Ok(Page { next: Some(window.link(&address)), ..Page::default() });
                }
                Err(error) => return Err(self.explain_visit(error)),
            }
        }
    }
}

/// A page of a read of all records.
pub(super) fn read_whole(answer: Answer) -> Result<Page, String> {
    read(answer, &Spot { size: PAGE, ..Spot::default() }, "")
}

fn read(answer: Answer, spot: &Spot, address: &str) -> Result<Page, String> {
    let Answer { body, partial, room, .. } = answer;
    let body = in_one_line(body);
    let text = std::str::from_utf8(&body).map_err(|_| "a page isn't UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}');
    let listing: Listing = serde_json::from_str(text).map_err(malformed)?;
    let now = instant(&listing.timestamp).ok_or("a page says no time")?;
    let mut page = Page { body: body.clone(), partial, _room: room, ..Page::default() };
    page.next = spot.next(&listing, now).map(|next| next.link(address));
    page.mark = spot.mark.or(Some(now)).map(|mark| mark.to_string());
    page.named = spot.asked().to_vec();
    page.common = vec![("wholeRead", spot.from.is_none().to_string())];
    for wrapped in &listing.vulnerabilities {
        page.items.push(Place { raw: page.range(wrapped.cve.get()), parent: None });
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Room;

    const SERVICE: (&str, &str) = ("https://services.nvd.nist.gov", "/rest/json/cves/2.0");
    const ORIGIN: &str = "https://services.nvd.nist.gov/rest/json/cves/2.0";

    fn at(text: &str) -> Timestamp {
        instant(text).unwrap()
    }

    fn page(link: &str, total: u64, count: u64, time: &str) -> Page {
        let spot = Spot::of(&Url::parse(link).unwrap());
        let records: Vec<_> =
            (0..count).map(|n| format!(r#"{{"cve":{{"id":"CVE-{n}"}}}}"#)).collect();
        let body = format!(
            r#"{{"resultsPerPage":{count},"startIndex":{},"totalResults":{total},"timestamp":"{time}",
                "vulnerabilities":[{}]}}"#,
            spot.index,
            records.join(",")
        );
        let answer =
            Answer { status: 200, partial: false, body: body.into(), room: Room::default() };
        read(answer, &spot, ORIGIN).unwrap()
    }

    #[test]
    fn a_first_run_reads_all_and_then_what_changed_meanwhile() {
        let now = at("2026-10-20T14:00:00");
        let first = first_link(SERVICE, None, Vec::new(), now);

        let one = page(&first, 3, 2, "2026-10-20T14:00:00.123");
        let two = page(one.next.as_deref().unwrap(), 3, 1, "2026-10-20T14:30:00.123");
        let three = page(two.next.as_deref().unwrap(), 0, 0, "2026-10-20T14:31:00.123");

        assert!(one.next.unwrap().contains("&startIndex=2#mark="));
        let window = two.next.unwrap();
        assert!(window.contains("lastModStartDate=2026-10-20T13:50:00Z"), "{window}");
        assert!(window.contains("lastModEndDate=2026-10-20T14:30:00Z"), "{window}");
        assert_eq!(three.next, None);
        assert_eq!(three.mark.as_deref(), Some("2026-10-20T14:31:00.123Z"), "NVD's own time");
    }

    #[test]
    fn a_long_pause_is_read_in_windows_of_less_than_120_days() {
        let now = at("2026-10-20T00:00:00");
        let since = Some("2026-03-01T00:00:00.5Z");
        let mut link = Some(first_link(SERVICE, since, Vec::new(), now));
        let mut spans = Vec::new();
        while let Some(this) = link {
            let spot = Spot::of(&Url::parse(&this).unwrap());
            spans.push((spot.from.unwrap(), spot.to.unwrap()));
            link = page(&this, 0, 0, "2026-10-20T00:00:01").next;
        }

        assert_eq!(spans.len(), 2);
        assert!(
            spans
                .iter()
                .all(|(from, to)| to.duration_since(*from) < SignedDuration::from_hours(2_880))
        );
        assert!(spans[1].0 < spans[0].1, "they overlap");
        assert_eq!(spans[1].1, now);
    }

    #[test]
    fn where_a_read_is_survives_its_link() {
        let spot = Spot {
            mark: Some(at("2026-10-20T00:00:01.5")),
            index: 4_000,
            ..Spot::window(at("2026-10-01T00:00:00"), at("2026-10-20T00:00:00"))
        };
        let by_name = Spot { names: names(250), ..spot.clone() };
        for spot in [spot, by_name] {
            assert_eq!(Spot::of(&Url::parse(&spot.link(ORIGIN)).unwrap()), spot);
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("CVE-2026-{number:04}")).collect()
    }

    #[test]
    fn names_are_asked_for_by_the_hundred_and_then_the_window() {
        let now = at("2026-10-20T00:00:00");
        let since = Some("2026-10-19T00:00:00Z");
        let mut link = Some(first_link(SERVICE, since, names(201), now));
        let (mut named, mut windows) = (Vec::new(), Vec::new());
        while let Some(this) = link {
            let page = page(&this, 0, 0, "2026-10-20T00:00:01");
            match page.named.is_empty() {
                true => windows.push(this),
                false => {
                    assert!(!this.contains("lastMod"), "{this}");
                    named.push(page.named);
                }
            }
            link = page.next;
        }

        assert_eq!(named.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 1]);
        assert_eq!(named.concat(), names(201));
        assert_eq!(windows.len(), 1);
        let window = Spot::of(&Url::parse(&windows[0]).unwrap());
        assert_eq!((window.from, window.to), (Some(at("2026-10-18T23:50:00")), Some(now)));
        assert_eq!(window.mark, Some(at("2026-10-20T00:00:01")), "of the first answer");
    }
}
