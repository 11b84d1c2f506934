//! Defender's lists: what a request asks of one, and the page that answers.

use bytes::Bytes;

use crate::answer::{Answer, ODATA, Page, opening};
use crate::defender::AUDIENCE;
use crate::defender::catalogue::List;
use crate::filter::Filter;
use crate::scene::Scene;
use crate::web;

/// What a request asks of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    top: Option<usize>,
    skip: usize,
    count: bool,
    filter: Filter,
    /// Recorded page to go on with.
    pub replayed: Option<u32>,
}

/// Reads the query options; what is wrong with them otherwise.
pub(crate) fn ask(query: &str, list: &List) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        let number = || value.parse().map_err(|_| format!("Invalid value '{value}' for '{name}'."));
        match (name.as_str(), list.dates) {
            ("$top", _) => {
                ask.top = Some(number()?);
                let max = list.page;
                if ask.top > Some(max) {
                    return Err(format!(
                        "The limit of '{max}' for Top query has been exceeded. The value from the incoming request is '{value}'."
                    ));
                }
            }
            ("$skip", _) => ask.skip = number()?,
            ("$count", _) => ask.count = value == "true",
            ("$skiptoken", _) if value.starts_with("page-") => {
                ask.replayed = value["page-".len()..].parse().ok();
            }
            ("$filter", Some(dates)) => ask.filter = Filter::read(&value, dates.fields)?,
            ("$filter" | "$select" | "$orderby" | "$expand", _) => {
                return Err(format!("The simulator doesn't carry out '{name}'."));
            }
            _ => return Err(format!("The query parameter '{name}' is not supported.")),
        }
    }
    Ok(ask)
}

/// One generated page. `page_size` stands in for the documented one.
pub(crate) fn page(
    scene: Scene,
    list: List,
    ask: &Ask,
    page_size: Option<usize>,
    url: &str,
) -> Answer {
    let numbers = chosen(&scene, &list, ask);
    let total = numbers.len();
    let size = ask.top.unwrap_or(page_size.unwrap_or(list.page).max(1));
    let start = ask.skip.min(total);
    let end = start.saturating_add(size).min(total);
    let record = move |at: usize| -> Bytes { (list.record)(&scene, numbers.at(at)) };
    Answer::page(Page {
        form: &ODATA,
        opening: opening(
            &format!("{AUDIENCE}/api/$metadata#{}", list.title),
            ask.count.then_some(total),
        ),
        length: end - start,
        records: Box::new((start..end).map(record)),
        // An explicit $top switches the link off.
        next: (ask.top.is_none() && end < total)
            .then(|| format!("{url}?{}$skip={end}", ask.filter.option())),
    })
}

/// Numbers of the records that pass the filter.
enum Numbers {
    All(u64),
    Some(Vec<u64>),
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Numbers::All(total) => *total as usize,
            Numbers::Some(numbers) => numbers.len(),
        }
    }

    fn at(&self, at: usize) -> u64 {
        match self {
            Numbers::All(_) => at as u64,
            Numbers::Some(numbers) => numbers[at],
        }
    }
}

fn chosen(scene: &Scene, list: &List, ask: &Ask) -> Numbers {
    let total = (list.total)(scene);
    let Some(dates) = list.dates else { return Numbers::All(total) };
    let passes = |number: &u64| ask.filter.passes(|field| (dates.date)(scene, *number, field));
    Numbers::Some((0..total).filter(passes).collect())
}
