//! Defender for Endpoint: scores, recommendations, vulnerabilities and devices.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use warp::http::Method;

use crate::answer::{Answer, Content, Page};
use crate::entra::{self, Claims, Refusal};
use crate::fault::Api;
use crate::generate;
use crate::options::Tenant;
use crate::state::{Request, State};
use crate::{replay, web};

const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";

/// One thing that can be asked for.
struct Endpoint {
    /// Last part of the path, as Microsoft spells it.
    name: &'static str,
    /// Folder of its recorded pages.
    source: &'static str,
    /// The app role it needs.
    role: &'static str,
    /// Records on a page and largest `$top`; none where the answer is a single object.
    ///
    /// <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>
    page: Option<usize>,
}

const ENDPOINTS: [Endpoint; 5] = [
    Endpoint {
        name: "exposureScore",
        source: "defender.exposure_score",
        role: "Score.Read.All",
        page: None,
    },
    Endpoint {
        name: "configurationScore",
        source: "defender.device_secure_score",
        role: "Score.Read.All",
        page: None,
    },
    Endpoint {
        name: "recommendations",
        source: "defender.recommendations",
        role: "SecurityRecommendation.Read.All",
        page: Some(10_000),
    },
    Endpoint {
        name: "vulnerabilities",
        source: "defender.vulnerabilities",
        role: "Vulnerability.Read.All",
        page: Some(8_000),
    },
    Endpoint {
        name: "machines",
        source: "defender.devices",
        role: "Machine.Read.All",
        page: Some(10_000),
    },
];

/// What a request asks of a list.
#[derive(Debug, Default)]
struct Ask {
    top: Option<usize>,
    skip: usize,
    count: bool,
    replayed: Option<u32>,
}

/// Answers one Defender request.
pub(crate) async fn answer(state: &Arc<State>, request: &Request, now: Timestamp) -> Answer {
    let error = |status, code: &str, text: &str| {
        Answer::error(Api::Defender, status, code, text, &state.id())
    };
    let claims = match entra::accept(state, request, AUDIENCE, now) {
        Ok(claims) => claims,
        Err(refusal) => {
            return error(401, "Unauthorized", text_of(refusal))
                .header("www-authenticate", "Bearer");
        }
    };
    let Some(endpoint) = endpoint(&request.path) else {
        return error(404, "NotFound", "No HTTP resource was found that matches the request.");
    };
    if request.method != Method::GET {
        return error(
            405,
            "MethodNotAllowed",
            "The requested resource doesn't support this method.",
        );
    }
    let tenant = match state.tenant(&claims.tid) {
        Some(tenant) if claims.roles.iter().any(|role| role == endpoint.role) => tenant,
        _ => return error(403, "Forbidden", &missing(endpoint, &claims)),
    };
    if state.options.limits
        && let Err(seconds) = state.limits.call_defender(&tenant.id, Instant::now())
    {
        let text = "Too many requests. Please wait and try again.";
        return error(429, "TooManyRequests", text).header("retry-after", seconds.to_string());
    }
    match ask(&request.query, endpoint) {
        Ok(ask) => {
            let url = format!("{}{}", state.base(Api::Defender), request.path);
            content(state, tenant, endpoint, &ask, &url).await
        }
        Err(text) => error(400, "ODataError", &text),
    }
}

/// The object or page that was asked for, recorded or generated.
async fn content(
    state: &State,
    tenant: &Tenant,
    endpoint: &Endpoint,
    ask: &Ask,
    url: &str,
) -> Answer {
    let Some(folder) = &state.options.replay else {
        return generated(state, tenant, endpoint, ask, url);
    };
    let number = ask.replayed.unwrap_or(1);
    let next = format!("{url}?$skiptoken=page-{}", number + 1);
    Answer::new(200, Content::Whole(replay::page(folder, endpoint.source, number, &next).await))
}

/// The endpoint of a path; case doesn't matter, and the version may stand in it.
fn endpoint(path: &str) -> Option<&'static Endpoint> {
    let path = path.to_ascii_lowercase();
    let name = path.strip_prefix("/api/")?;
    let name = name.strip_prefix("v1.0/").unwrap_or(name);
    ENDPOINTS.iter().find(|endpoint| endpoint.name.eq_ignore_ascii_case(name))
}

fn text_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "Invalid Authorization payload: the access token is missing.",
        Refusal::Malformed => "Invalid Authorization payload: the access token can't be read.",
        Refusal::Audience => "Invalid Authorization payload: the token's 'aud' claim is invalid.",
        Refusal::Expired => "Invalid Authorization payload: the access token has expired.",
        Refusal::Tenant => "Invalid Authorization payload: the tenant isn't known.",
    }
}

fn missing(endpoint: &Endpoint, claims: &Claims) -> String {
    let (needed, held) = (endpoint.role, claims.roles.join(","));
    format!("Missing application roles. API required roles: {needed}, application roles: {held}.")
}

/// Reads the query options; what is wrong with them otherwise.
fn ask(query: &str, endpoint: &Endpoint) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        let number = || value.parse().map_err(|_| format!("Invalid value '{value}' for '{name}'."));
        match (name.as_str(), endpoint.page) {
            ("$top", Some(max)) => {
                ask.top = Some(number()?);
                if ask.top > Some(max) {
                    return Err(format!(
                        "The limit of '{max}' for Top query has been exceeded. The value from the incoming request is '{value}'."
                    ));
                }
            }
            ("$skip", Some(_)) => ask.skip = number()?,
            ("$count", Some(_)) => ask.count = value == "true",
            ("$skiptoken", Some(_)) if value.starts_with("page-") => {
                ask.replayed = value["page-".len()..].parse().ok();
            }
            ("$filter" | "$select" | "$orderby" | "$expand", Some(_)) => {
                return Err(format!("The simulator doesn't carry out '{name}'."));
            }
            _ => return Err(format!("The query parameter '{name}' is not supported.")),
        }
    }
    Ok(ask)
}

fn generated(state: &State, tenant: &Tenant, endpoint: &Endpoint, ask: &Ask, url: &str) -> Answer {
    let (tenant, today) = (tenant.clone(), state.today());
    let Some(maximum) = endpoint.page else {
        let body = match endpoint.name {
            "exposureScore" => generate::exposure_score(&tenant, today),
            _ => generate::configuration_score(&tenant, today),
        };
        return Answer::new(200, Content::Whole(body));
    };
    let total = match endpoint.name {
        "recommendations" => tenant.recommendations,
        "vulnerabilities" => tenant.vulnerabilities,
        _ => tenant.devices,
    } as usize;
    let size = ask.top.unwrap_or(state.options.page_size.unwrap_or(maximum).max(1));
    let start = ask.skip.min(total);
    let end = start.saturating_add(size).min(total);
    let name = endpoint.name;
    let record = move |number: usize| -> Bytes {
        match name {
            "recommendations" => generate::recommendation(&tenant, number as u64),
            "vulnerabilities" => generate::vulnerability(&tenant, number as u64, today),
            _ => generate::device(&tenant, number as u64, today),
        }
    };
    let title = format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]);
    Answer::page(Page {
        context: format!("{AUDIENCE}/api/$metadata#{title}"),
        count: ask.count.then_some(total),
        length: end - start,
        records: Box::new((start..end).map(record)),
        // An explicit $top switches the link off.
        next: (ask.top.is_none() && end < total).then(|| format!("{url}?$skip={end}")),
    })
}
