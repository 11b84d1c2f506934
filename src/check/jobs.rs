//! The queue of jobs, and the one of those that were given up.

use super::Finding;
use crate::queue::{Queue, QueueError};
use std::time::Duration;

const AREA: &str = "queue";

/// Counts the messages of both.
pub(super) async fn look(queue: Option<&Queue>, at_most: Duration) -> Vec<Finding> {
    let Some(queue) = queue else {
        let says = "no queue: folder storage, or POSTURE_QUEUE_URL can't be derived";
        return vec![Finding::good(AREA, "queue", says)];
    };
    let both = async { futures::join!(queue.jobs(), queue.poison()) };
    let timeout = |_| {
        let failed = || Err(QueueError::Failed("gave no answer in time".to_owned()));
        (failed(), failed())
    };
    let (jobs, poison) = tokio::time::timeout(at_most, both).await.unwrap_or_else(timeout);
    vec![waiting(&queue.name, jobs), given_up(&format!("{}-poison", queue.name), poison)]
}

fn waiting(name: &str, jobs: Result<Option<u64>, QueueError>) -> Finding {
    let finding = |says: String| Finding::good(AREA, name, says);
    match jobs {
        Ok(Some(count)) => finding(format!("about {count} messages")),
        Ok(None) => finding("isn't there".to_owned()).warning(
            "the host makes it with the first jobs: where it runs already, compare POSTURE_QUEUE and \
             POSTURE_QUEUE_URL with AzureWebJobsStorage",
        ),
        Err(error) => failed(finding(error.to_string()), &error),
    }
}

fn given_up(name: &str, poison: Result<Option<u64>, QueueError>) -> Finding {
    let finding = |says: String| Finding::good(AREA, name, says);
    match poison {
        Ok(Some(0) | None) => finding("nothing was given up".to_owned()),
        Ok(Some(count)) => finding(format!("about {count} jobs were given up")).warning(
            "/api/health names each with its reason, as do the newest reports under runs/: mend that, \
             then run posture collect --retry",
        ),
        Err(error) => failed(finding(error.to_string()), &error),
    }
}

fn failed(finding: Finding, error: &QueueError) -> Finding {
    finding.wrong(match error {
        QueueError::Denied(_) => {
            "grant Storage Queue Data Contributor on the account to the function app's identity, and \
             let the network rule admit the app"
        }
        QueueError::Failed(_) => "check POSTURE_QUEUE_URL, the app's identity and the network",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;

    #[test]
    fn jobs_that_were_given_up_are_a_warning_and_an_absent_poison_queue_is_none() {
        assert_eq!(given_up("q-poison", Ok(None)).verdict, Verdict::Good);
        assert_eq!(given_up("q-poison", Ok(Some(0))).verdict, Verdict::Good);
        let some = given_up("q-poison", Ok(Some(3)));
        assert_eq!(
            (some.verdict, &some.says[..]),
            (Verdict::Warning, "about 3 jobs were given up")
        );
    }

    #[test]
    fn a_refusal_names_the_role() {
        let refused = waiting("q", Err(QueueError::Denied(403)));

        assert_eq!(refused.verdict, Verdict::Wrong);
        assert!(refused.next.contains("Storage Queue Data Contributor"), "{}", refused.next);
        assert_eq!(waiting("q", Ok(None)).verdict, Verdict::Warning);
    }
}
