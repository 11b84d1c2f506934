//! When what an identity signs in with ends.

use super::Finding;
use crate::cloud::{End, Identity, TokenError, Tokens};
use jiff::Timestamp;
use std::time::Duration;

const AREA: &str = "credential";

/// Looks at everything of it that can end.
pub(super) async fn look(tokens: &Tokens, now: Timestamp, at_most: Duration) -> Vec<Finding> {
    let finding = |says: String| Finding::good(AREA, "end", says);
    match tokens.identity() {
        Identity::ManagedIdentity { .. } => {
            return vec![finding("a managed identity has nothing that ends".to_owned())];
        }
        Identity::AzureCli { .. } => {
            return vec![finding("whoever is signed in to the Azure CLI".to_owned())];
        }
        Identity::Application(_) | Identity::Delegated { .. } => {}
    }
    match tokio::time::timeout(at_most, tokens.ends()).await {
        Err(_) => {
            vec![finding("the vault gave no answer in time".to_owned()).wrong("check the network")]
        }
        Ok(Err(TokenError::Refused { what, advice, .. })) => vec![finding(what).wrong(advice)],
        Ok(Err(TokenError::Unreachable { what, .. })) => {
            vec![finding(what).warning("check again in a few minutes")]
        }
        Ok(Ok(ends)) if ends.is_empty() => {
            let says = "no end is known: that of a secret is where Key Vault keeps it";
            vec![finding(says.to_owned())]
        }
        Ok(Ok(ends)) => ends.iter().map(|end| one(end, now)).collect(),
    }
}

fn one(end: &End, now: Timestamp) -> Finding {
    let day = end.at.strftime("%Y-%m-%d");
    let is_over = end.at <= now;
    let says = format!("{} on {day}", if is_over { "ended" } else { "ends" });
    let finding = Finding::good(AREA, end.what, says);
    let next = match end.what {
        "refresh token" => "run `posture consent` again",
        "certificate" => {
            "issue a new one, register its public part at the application, and put it in the old one's \
             place"
        }
        _ => "create a new one at the application, and put it in the old one's place",
    };
    match () {
        () if is_over => finding.wrong(next),
        () if end.is_near(now) => finding.warning(next),
        () => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use jiff::SignedDuration;

    #[test]
    fn an_end_is_a_warning_from_thirty_days_on_and_wrong_when_past() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let verdict = |days: i64, what| {
            let at = now + SignedDuration::from_hours(24 * days);
            one(&End { what, at }, now)
        };

        assert_eq!(verdict(31, "client secret").verdict, Verdict::Good);
        assert_eq!(verdict(29, "client secret").verdict, Verdict::Warning);
        let past = verdict(-1, "refresh token");
        assert_eq!((past.verdict, &past.says[..]), (Verdict::Wrong, "ended on 2026-11-21"));
        assert!(past.next.contains("posture consent"));
    }
}
