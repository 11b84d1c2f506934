//! FIRST's daily file: the newest leads to the day's own.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::{facts, plain, recorded};
use crate::answer::{Answer, Content};
use crate::fault::Api;
use crate::state::{Request, State};

const NEWEST: &str = "/epss_scores-current.csv.gz";

pub(super) async fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    let day = now.strftime("%Y-%m-%d").to_string();
    let of_day = format!("/epss_scores-{day}.csv.gz");
    if request.path == NEWEST {
        let to = format!("{}{of_day}", state.base(Api::Epss));
        return Answer::new(302, Content::Nothing).header("location", to);
    }
    if request.path != of_day {
        return plain(404, "text/html", "<html></html>");
    }
    let text = match recorded::pages(state, "cve.epss").await {
        Some(pages) => pages.concat(),
        None => generated(state, &day).into_bytes(),
    };
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let written = packed.write_all(&text).and_then(|()| packed.finish());
    let answer = Answer::new(200, Content::Whole(written.unwrap_or_default().into()));
    Answer { content_type: "application/gzip".to_owned(), ..answer }
}

fn generated(state: &State, day: &str) -> String {
    let mut text = format!("#model_version:v2026.06.15,score_date:{day}T12:00:21Z\n");
    text.push_str("cve,epss,percentile\n");
    for fact in facts::all(state) {
        text.push_str(&format!("{},{:.5},{:.5}\n", fact.id, fact.epss, fact.percentile));
    }
    text
}
