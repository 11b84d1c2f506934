//! Arbitrary paths, queries, headers and bodies on every route: no panic, no 5xx, nothing but our own answers.

use super::signed_in;
use crate::support::{self, Folder};
use fastrand::Rng;
use posture::app::App;
use posture::routes::{self, Request, all};
use warp::http::{HeaderMap, HeaderName, HeaderValue};

const SEED: u64 = 20_261_126;
/// Requests to each route.
const TRIES: usize = 60;

const PIECES: &[&str] = &[
    "",
    "a",
    "0",
    "-1",
    "..",
    ".",
    "%00",
    "%ff",
    "%2e%2e",
    "%2F",
    "%252e",
    "'",
    "\"",
    "<script>",
    "=1+1",
    "@x",
    "$filter",
    "null",
    "true",
    "CVE-2026-0001",
    "2026-11-01",
    "9999-99-99",
    "18446744073709551616",
    "{}",
    "[]",
    "0123456789abcdef0123456789abcdef01234567",
    "11111111-2222-3333-4444-555555555555",
    "é",
    "\u{202e}",
    "a b",
    "vendor-_-product",
    "10.0.0.1",
    "::1",
    "pc-1.contoso.example",
    "P1D",
    "PT999999999H",
    "-P1D",
    "1e309",
    ";",
    "|",
];

const NAMES: &[&str] = &[
    "tenant",
    "format",
    "top",
    "continuation",
    "since",
    "severity",
    "group",
    "kept",
    "wait",
    "source",
    "status",
    "minimumGain",
    "category",
    "version",
    "dryRun",
    "tag",
    "cve",
    "software",
    "from",
    "to",
    "x",
];

fn piece(rng: &mut Rng) -> String {
    match rng.usize(..8) {
        0 => PIECES[rng.usize(..PIECES.len())].repeat(rng.usize(1..40)),
        1 => (0..rng.usize(..20)).map(|_| rng.char(..)).collect(),
        _ => PIECES[rng.usize(..PIECES.len())].to_owned(),
    }
}

/// A segment as a caller may send it: half of the time encoded as it should be.
fn segment(rng: &mut Rng) -> String {
    let text = piece(rng);
    match rng.bool() {
        true => percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC)
            .to_string(),
        false => text.replace(['/', '?', '#'], ""),
    }
}

fn query(rng: &mut Rng) -> String {
    let pair = |rng: &mut Rng| format!("{}={}", NAMES[rng.usize(..NAMES.len())], segment(rng));
    (0..rng.usize(..4)).map(|_| pair(rng)).collect::<Vec<_>>().join("&")
}

fn headers(rng: &mut Rng) -> HeaderMap {
    let names =
        ["accept", "if-none-match", "idempotency-key", "content-type", "x-ms-client-principal"];
    let mut headers = HeaderMap::new();
    for _ in 0..rng.usize(..4) {
        let value: String = piece(rng).chars().filter(|c| !c.is_control()).collect();
        let name = HeaderName::from_static(names[rng.usize(..names.len())]);
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(name, value);
        }
    }
    if rng.bool() {
        let signed = signed_in("aaaaaaaa-0000-4000-8000-000000000000", &support::tenant(1).id);
        for line in signed.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
    }
    headers
}

fn body(rng: &mut Rng) -> Vec<u8> {
    let field = |rng: &mut Rng| {
        let names = [
            "reason",
            "comment",
            "type",
            "state",
            "pack",
            "period",
            "object",
            "properties",
            "Hosts",
            "relatedEntities",
            "kql",
            "from",
            "to",
            "name",
            "packs",
            "dryRun",
            "isolationType",
            "scanType",
        ];
        let value = match rng.usize(..5) {
            0 => "null".to_owned(),
            1 => rng.i64(..).to_string(),
            2 => format!("[{{\"kind\":{:?}}}]", piece(rng)),
            3 => format!("{{\"properties\":{{\"hostName\":{:?}}}}}", piece(rng)),
            _ => serde_json::to_string(&piece(rng)).unwrap(),
        };
        format!("\"{}\":{value}", names[rng.usize(..names.len())])
    };
    match rng.usize(..4) {
        0 => Vec::new(),
        1 => (0..rng.usize(..200)).map(|_| rng.u8(..)).collect(),
        2 => "[".repeat(rng.usize(..2_000)).into_bytes(),
        _ => {
            let fields: Vec<_> = (0..rng.usize(..6)).map(|_| field(rng)).collect();
            format!("{{{}}}", fields.join(",")).into_bytes()
        }
    }
}

async fn attack(app: &App, rng: &mut Rng, path: &str, method: &str) {
    let filled: Vec<_> =
        path.split('/')
            .map(|own| {
                if own.starts_with('{') || rng.usize(..12) == 0 { segment(rng) } else { own.into() }
            })
            .collect();
    let door = ["", "", "", "caller/", "response/"][rng.usize(..5)];
    let path = format!("/api/{door}{}", filled.join("/"));
    let (query, headers, body) = (query(rng), headers(rng), body(rng));
    let request = Request { method, path: &path, query: &query, headers: &headers, body: &body };

    let reply = routes::answer(app, request).await;

    let told = format!("{method} {path}?{query} {headers:?} {:?}", String::from_utf8_lossy(&body));
    assert!(reply.status < 500 || reply.status == 503, "{told}: {reply:?}");
    assert!(!reply.body.is_empty() || reply.status == 304, "{told}: {reply:?}");
    let is_problem = reply.content_type == "application/problem+json";
    assert_eq!(is_problem, reply.status >= 400, "{told}: {reply:?}");
    for secret in ["eyJ", "Bearer", "sig=", "panicked", "/src/", "rustc"] {
        assert!(!reply.body.contains(secret), "{secret} in {told}: {reply:?}");
    }
}

#[tokio::test]
async fn no_input_makes_a_route_panic_or_fail() {
    let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
    let mut app = support::app(&microsoft, &[support::tenant(3)], folder.ledger());
    app.authenticates = true;
    println!("fuzz: from the seed {SEED}");
    let mut rng = Rng::with_seed(SEED);

    for route in all() {
        for _ in 0..TRIES {
            let methods = ["GET", "POST", "PATCH", "DELETE", "get", ""];
            let odd = rng.usize(..6) == 0;
            let method = if odd { methods[rng.usize(..methods.len())] } else { route.method };
            attack(&app, &mut rng, route.path, method).await;
        }
    }
}
