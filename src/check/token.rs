//! The token for an API: whether there is one, for whom and what it says; and the API's clock.

use super::Finding;
use crate::cloud::{CallError, Claims, Heard, Patience, Pipeline, TokenError};
use azure_core::http::Url;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

const SOMEWHAT: SignedDuration = SignedDuration::from_mins(1);
const FAR: SignedDuration = SignedDuration::from_mins(5);

/// The finding of a pipeline's token with what it says, or the finding that there is none. `tenant`
/// is who must have issued it, where that matters.
pub(super) async fn look(
    pipeline: &Pipeline,
    (area, origin): (&'static str, &str),
    tenant: Option<&str>,
    patience: &Patience,
) -> Result<(Finding, Option<Claims>), Finding> {
    let base = pipeline.wire().route(origin).map(|route| route.base.clone());
    let host = base.or_else(|| Url::parse(origin).ok()).as_ref().map(host).unwrap_or_default();
    let finding = |says: String| Finding::good(area, "token", format!("host {host}, {says}"));
    let deadline = patience.deadline.unwrap_or_else(Instant::now);
    let claims = match tokio::time::timeout_at(deadline, pipeline.claims()).await {
        Err(_) => {
            let says = "the sign-in service gave no answer in time".to_owned();
            return Err(finding(says).wrong("check the network and POSTURE_ENTRA_URL"));
        }
        Ok(Err(error)) => return Err(refused(error, finding)),
        Ok(Ok(claims)) => claims,
    };
    let Some(claims) = claims else {
        let says = "there is a token, but what it says can't be read".to_owned();
        return Ok((finding(says), None));
    };
    let found = finding(said(&claims));
    if tenant.is_some_and(|tenant| !claims.tid.eq_ignore_ascii_case(tenant)) {
        let next = "a managed identity signs in to its own tenant only: check POSTURE_TENANT_ID, or take \
                    another POSTURE_CREDENTIAL";
        return Err(
            finding(format!("the token is of the tenant {}", plain(&claims.tid))).wrong(next)
        );
    }
    Ok((found, Some(claims)))
}

fn refused(error: TokenError, finding: impl Fn(String) -> Finding) -> Finding {
    match error {
        TokenError::Refused { audience, what, advice } => {
            finding(format!("no token for {audience} ({what})")).wrong(advice)
        }
        TokenError::Unreachable { audience, what } => {
            finding(format!("no token for {audience}: {what}"))
                .wrong("check again in a few minutes; then look at the network and the cloud")
        }
    }
}

fn said(claims: &Claims) -> String {
    let (kind, granted) = match claims.is_users() {
        true => ("scopes", claims.scp.split(' ').map(plain).collect::<Vec<_>>()),
        false => ("app roles", claims.roles.iter().map(|role| plain(role)).collect()),
    };
    let granted = if granted.is_empty() { "none".to_owned() } else { granted.join(", ") };
    let (aud, until) = (plain(&claims.aud), claims.ends());
    format!("token for {aud} until {until}, {kind}: {granted}")
}

/// A word of a token that is fit to be shown.
fn plain(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "-_.:/".contains(*c);
    text.chars().filter(fits).take(100).collect()
}

/// A host with its port: what a person may compare. Paths and queries may carry more.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// How far the clocks are apart; nothing where the service didn't tell its own.
pub(super) fn clock(area: &'static str, heard: &Heard, now: Timestamp) -> Option<Finding> {
    let ahead = heard.date?.duration_since(now);
    let (seconds, way) =
        (ahead.abs().as_secs(), if ahead.is_negative() { "behind" } else { "ahead" });
    let finding = Finding::good(
        area,
        "clock",
        match ahead.abs() <= SOMEWHAT {
            true => "the service's clock and this machine's agree".to_owned(),
            false => format!("the service's clock is {seconds} s {way} of this machine's"),
        },
    );
    let next = "set this machine's clock, by a time service";
    Some(match ahead.abs() {
        apart if apart > FAR => finding.wrong(next),
        apart if apart > SOMEWHAT => finding.warning(next),
        _ => finding,
    })
}

/// What an error means that no permission explains; `finding` makes a finding of a text.
pub(super) fn failed(error: CallError, finding: impl Fn(String) -> Finding) -> Finding {
    let says = error.to_string();
    match error {
        CallError::Token(error) => refused(error, finding),
        CallError::Denied { .. } => finding(says).wrong(
            "the service takes no token of this identity: check POSTURE_CLOUD and the tenant",
        ),
        CallError::Rejected { .. } => finding(says).wrong(
            "the service doesn't take this request: check the host, or look for a newer release",
        ),
        CallError::Throttled { after, .. } => {
            finding(says).warning(format!("check again in {} s", after.as_secs()))
        }
        CallError::Unavailable { what, .. } if what.starts_with("answered") => {
            finding(says).warning("the service has trouble: check again in a few minutes")
        }
        CallError::Unavailable { .. } | CallError::Moved { .. } => {
            finding(says).wrong("check the network, its proxy, and the setting of this host")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let clock = |ahead: i64| {
            let date = Some(now + SignedDuration::from_secs(ahead));
            clock("graph", &Heard { date, ..Heard::default() }, now).unwrap()
        };

        assert_eq!(clock(-59).verdict, Verdict::Good);
        assert_eq!(clock(61).verdict, Verdict::Warning);
        assert_eq!(clock(-301).verdict, Verdict::Wrong);
        assert_eq!(clock(-301).says, "the service's clock is 301 s behind of this machine's");
        assert_eq!(super::clock("graph", &Heard::default(), now), None);
    }

    #[test]
    fn only_plain_words_of_a_token_are_shown() {
        let claims = Claims {
            aud: "https://graph.microsoft.com\n".to_owned(),
            roles: vec!["Score.Read.All".to_owned(), "<b>`x`".to_owned()],
            ..Claims::default()
        };

        let expected = "token for https://graph.microsoft.com until 1970-01-01T00:00:00Z, app roles: \
                        Score.Read.All, bx";
        assert_eq!(said(&claims), expected);
    }
}
