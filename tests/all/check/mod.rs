//! The doctor: the real binary looks at a deployment, whole or broken in one way, and says what to do.

mod apis;
mod customers;
mod own;
mod sign_in;

use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use serde_json::Value;
use simulator::Simulator;

/// A deployment of one tenant over a simulator, which keeps its records in a folder.
struct World {
    microsoft: Simulator,
    environment: Vec<(String, String)>,
    _folder: Folder,
}

impl World {
    async fn new() -> World {
        let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
        let environment = environment(&microsoft, &folder.url());
        World { microsoft, environment, _folder: folder }
    }

    /// Sets a variable, over another of that name.
    fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// What the doctor answers over HTTP in a process that knows nothing yet.
    async fn diagnosis(&self) -> Diagnosis {
        diagnosis(&self.environment, "").await
    }
}

struct Diagnosis(Value);

async fn diagnosis(environment: &[(String, String)], query: &str) -> Diagnosis {
    let service = Service::start(environment).await;
    let reply = service.get(&format!("/api/check{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    is_discreet(&reply.body);
    is_discreet(&service.log());
    Diagnosis(reply.json())
}

/// Whether no secret, no token and no signed link is in it: the simulator's are easily told.
fn is_discreet(output: &str) {
    for secret in ["simulated-", ".simulated", "eyJ", "Bearer", "sig=", "Eby8vdM02"] {
        assert!(!output.contains(secret), "{secret} is in {output}");
    }
}

impl Diagnosis {
    /// The findings of that area about that thing.
    fn all(&self, area: &str, what: &str) -> Vec<&Value> {
        let findings = self.0["findings"].as_array().unwrap();
        findings.iter().filter(|one| one["area"] == area && one["what"] == what).collect()
    }

    /// The only one.
    #[track_caller]
    fn one(&self, area: &str, what: &str) -> &Value {
        let found = self.all(area, what);
        assert_eq!(found.len(), 1, "{area}, {what}: {:#}", self.0);
        found[0]
    }

    /// Checks a finding's verdict, what it says and its next step, both by a piece of them.
    #[track_caller]
    fn says(&self, (area, what): (&str, &str), verdict: &str, says: &str, next: &str) {
        let one = self.one(area, what);
        assert_eq!(one["verdict"], verdict, "{one:#}");
        assert!(one["says"].as_str().unwrap().contains(says), "{says}: {one:#}");
        assert!(one["next"].as_str().unwrap_or_default().contains(next), "{next}: {one:#}");
    }

    /// What isn't good, as `area, what`.
    fn bad(&self) -> Vec<String> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        let bad = findings.filter(|one| one["verdict"] != "good");
        bad.map(|one| {
            format!("{}, {}", one["area"].as_str().unwrap(), one["what"].as_str().unwrap())
        })
        .collect()
    }
}
