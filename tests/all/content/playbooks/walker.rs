//! Carries a definition's actions out as the platform does, as far as our definitions go: calls go to the
//! running program, what goes to a connection is written down, a question is answered by the test.
//!
//! <https://learn.microsoft.com/azure/logic-apps/logic-apps-workflow-actions-triggers>

use super::tree::{Actions, waits_for};
use super::walking::Evaluation;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::time::Duration;

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Succeeded,
    Failed,
    Skipped,
    TimedOut,
}

/// The run was ended from outside, in front of an action or behind it.
#[derive(Debug)]
pub struct Died;

/// What went to a connection.
#[derive(Clone, Debug)]
pub struct Sent {
    pub connection: String,
    pub path: String,
    pub body: Value,
}

/// What an approver answers to a question; nothing: nobody answers in time.
pub type Approver = fn(&Value) -> Option<&'static str>;

/// Where a run is ended from outside: in front of this action, or behind it.
#[derive(Clone, Copy, Debug)]
pub enum Dies {
    Before(&'static str),
    After(&'static str),
}

/// One run of a playbook.
pub struct Walk<'a> {
    definition: &'a Value,
    pub port: u16,
    /// The headers that App Service authentication puts in front of the app for the playbooks' identity.
    pub identity: String,
    approver: Approver,
    dies: Option<Dies>,
    pub values: Evaluation,
    pub sent: Vec<Sent>,
    /// The calls to the program: method, address without the host, status.
    pub called: Vec<(String, String, u16)>,
}

/// The audience that the app's registration stands for.
pub const AUDIENCE: &str = "api://cccccccc-0000-4000-8000-000000000001";
/// Rounds of a loop at most, whatever its limit.
const ROUNDS: u64 = 300;
/// What an hour's wait comes to in a test.
const MOMENT: Duration = Duration::from_millis(150);

impl<'a> Walk<'a> {
    pub fn new(definition: &'a Value, port: u16, identity: &str, trigger: Value) -> Walk<'a> {
        let mut values = Evaluation { trigger, ..Evaluation::default() };
        for (name, parameter) in definition["parameters"].as_object().unwrap() {
            if let Some(value) = parameter.get("defaultValue") {
                values.parameters.insert(name.clone(), value.clone());
            }
        }
        let connection = |name: &str| json!({ "connectionId": name });
        let names = ["azuresentinel", "office365", "teams"];
        let connections: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), connection(name))).collect();
        values.parameters.insert("$connections".to_owned(), connections.into());
        values.parameters.insert("address".to_owned(), format!("http://127.0.0.1:{port}").into());
        values.parameters.insert("audience".to_owned(), AUDIENCE.into());
        let approver: Approver = |_| None;
        let identity = identity.to_owned();
        let (sent, called) = (Vec::new(), Vec::new());
        Walk { definition, port, identity, approver, dies: None, values, sent, called }
    }

    pub fn with(mut self, parameter: &str, value: &str) -> Walk<'a> {
        assert!(self.definition["parameters"].get(parameter).is_some(), "no {parameter}");
        self.values.parameters.insert(parameter.to_owned(), value.into());
        self
    }

    pub fn answered_by(mut self, approver: Approver) -> Walk<'a> {
        self.approver = approver;
        self
    }

    pub fn dying(mut self, dies: Dies) -> Walk<'a> {
        self.dies = Some(dies);
        self
    }

    /// Runs all actions; how the run ended.
    pub async fn run(&mut self) -> Result<Status, Died> {
        let definition = self.definition;
        self.scope(definition["actions"].as_object().unwrap()).await
    }

    /// What went to the incident.
    pub fn comments(&self) -> Vec<&str> {
        let to = self.sent.iter().filter(|sent| sent.path == "/Incidents/Comment");
        to.map(|sent| sent.body["message"].as_str().unwrap()).collect()
    }

    /// The actions of a scope, each when those that it waits for are over.
    fn scope<'b>(&'b mut self, actions: &'b Actions) -> BoxFuture<'b, Result<Status, Died>> {
        async move {
            let mut open: Vec<&String> = actions.keys().collect();
            while !open.is_empty() {
                let ready = open.iter().position(|name| {
                    waits_for(&actions[*name]).all(|one| !open.iter().any(|other| *other == one))
                });
                let name = open.remove(ready.expect("a definition without cycles"));
                let fits = |(one, statuses): (&String, &Value)| {
                    let own = format!("{:?}", self.values.status(one));
                    statuses.as_array().unwrap().iter().any(|status| *status == *own)
                };
                let status = match actions[name]["runAfter"].as_object().unwrap().iter().all(fits) {
                    true => self.act(name, &actions[name]).await?,
                    false => Status::Skipped,
                };
                self.values.set_status(name, status);
            }
            Ok(self.ended(actions))
        }
        .boxed()
    }

    /// A scope has failed where a failure in it was left without another action that took it up.
    fn ended(&self, actions: &Actions) -> Status {
        let is_taken_up = |name: &String| {
            let followers =
                actions.iter().filter(|(_, other)| waits_for(other).any(|one| one == name));
            followers.into_iter().any(|(other, _)| self.values.status(other) != Status::Skipped)
        };
        let is_bad =
            |name: &&String| matches!(self.values.status(name), Status::Failed | Status::TimedOut);
        let left = actions.keys().filter(is_bad).any(|name| !is_taken_up(name));
        if left { Status::Failed } else { Status::Succeeded }
    }

    async fn act(&mut self, name: &str, action: &Value) -> Result<Status, Died> {
        if matches!(self.dies, Some(Dies::Before(at)) if at == name) {
            return Err(Died);
        }
        let status = match self.carry_out(name, action).await? {
            Ok(status) => status,
            Err(problem) => panic!("{name}: the platform fails here: {problem}"),
        };
        match self.dies {
            Some(Dies::After(at)) if at == name => Err(Died),
            _ => Ok(status),
        }
    }

    async fn carry_out(
        &mut self,
        name: &str,
        action: &Value,
    ) -> Result<Result<Status, String>, Died> {
        let inputs = &action["inputs"];
        let done = match action["type"].as_str().unwrap() {
            "Compose" => self.values.of(inputs).map(|value| {
                // What it makes is its output as it is.
                self.values.outputs.insert(name.to_owned(), value);
                Status::Succeeded
            }),
            "Query" => self.query(name, inputs),
            "Wait" => {
                tokio::time::sleep(MOMENT).await;
                Ok(Status::Succeeded)
            }
            "Http" => self.http(name, action).await,
            "ApiConnection" => self.send(name, inputs),
            "ApiConnectionWebhook" => self.ask(name, inputs),
            "If" => match self.values.condition(&action["expression"]) {
                Err(problem) => Err(problem),
                Ok(holds) => {
                    let branch =
                        if holds { &action["actions"] } else { &action["else"]["actions"] };
                    match branch.as_object() {
                        Some(actions) => Ok(self.scope(actions).await?),
                        None => Ok(Status::Succeeded),
                    }
                }
            },
            "Foreach" => return self.each(name, action).await,
            "Until" => return self.until(action).await,
            other => Err(format!("{other} is not walked")),
        };
        Ok(done)
    }

    fn query(&mut self, name: &str, inputs: &Value) -> Result<Status, String> {
        let from = self.values.of(&inputs["from"])?;
        let from = from.as_array().ok_or("from is no list")?.clone();
        let mut found = Vec::new();
        for item in from {
            self.values.item = item;
            if self.values.of(&inputs["where"])? == true {
                found.push(self.values.item.clone());
            }
        }
        self.values.outputs.insert(name.to_owned(), json!({ "body": found }));
        Ok(Status::Succeeded)
    }

    async fn each(&mut self, name: &str, action: &Value) -> Result<Result<Status, String>, Died> {
        let list = match self.values.of(&action["foreach"]) {
            Ok(Value::Array(list)) => list,
            other => return Ok(Err(format!("the loop is over {other:?}"))),
        };
        let mut status = Status::Succeeded;
        for item in list {
            self.values.items.insert(name.to_owned(), item);
            let ended = self.scope(action["actions"].as_object().unwrap()).await?;
            status = if ended == Status::Succeeded { status } else { Status::Failed };
        }
        Ok(Ok(status))
    }

    async fn until(&mut self, action: &Value) -> Result<Result<Status, String>, Died> {
        let most = action["limit"]["count"].as_u64().unwrap().min(ROUNDS);
        for _ in 0..most {
            let ended = self.scope(action["actions"].as_object().unwrap()).await?;
            match self.values.of(&action["expression"]) {
                Ok(value) if value == true => return Ok(Ok(ended)),
                Ok(_) => {}
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(Status::TimedOut))
    }

    fn send(&mut self, name: &str, inputs: &Value) -> Result<Status, String> {
        let inputs = self.values.of(inputs)?;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let connection = text(&inputs["host"]["connection"]["name"]);
        let path = text(&inputs["path"]);
        self.sent.push(Sent { connection, path, body: inputs["body"].clone() });
        self.values.outputs.insert(name.to_owned(), json!({ "statusCode": 200, "body": {} }));
        Ok(Status::Succeeded)
    }

    fn ask(&mut self, name: &str, inputs: &Value) -> Result<Status, String> {
        self.send(name, inputs)?;
        let question = self.sent.last().unwrap().body["Message"].clone();
        let Some(chosen) = (self.approver)(&question) else {
            self.values.outputs.remove(name);
            return Ok(Status::TimedOut);
        };
        let options = question["Options"].as_str().unwrap().split(',').map(str::trim);
        assert!(
            options.into_iter().any(|one| one == chosen),
            "{chosen} is no choice of {question}"
        );
        let answer = json!({ "SelectedOption": chosen, "UserEmailAddress": "ana@contoso.example" });
        self.values.outputs.insert(name.to_owned(), json!({ "statusCode": 200, "body": answer }));
        Ok(Status::Succeeded)
    }
}
