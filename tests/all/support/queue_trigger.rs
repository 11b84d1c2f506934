//! A stand-in for the host's queue trigger over a real queue: takes messages, posts each to the process, and
//! does with the message what the host does with it.

use super::azurite::Azurite;
use super::fake_host::{Accepted, Function, Verdict};
use super::http;
use azure_core::http::ClientOptions;
use azure_storage_queue::models::{
    QueueClientGetPropertiesResultHeaders, QueueClientPeekMessagesOptions,
    QueueClientReceiveMessagesOptions, QueueMessage, ReceivedMessage,
};
use azure_storage_queue::{QueueClient, QueueClientOptions};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use posture::app;
use posture::cloud::Wire;
use posture::ledger::SharedKey;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `extensions.queues` of host.json.
const BATCH_SIZE: usize = 4;
pub const MAX_DEQUEUE_COUNT: i64 = 5;

/// How long a message is hidden while a process has it; longer than any job of a test.
const HIDDEN_SECONDS: i32 = 300;

/// How long until a message may be taken again whose call failed, or whose process is gone. host.json says
/// two minutes, a host that dies with its process leaves it hidden for ten; a test waits for neither.
const AGAIN_SECONDS: i32 = 1;
const AT_ONCE_SECONDS: i32 = 0;

/// How soon an empty queue is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A queue of Azurite's, as the host makes it.
pub async fn queue(azurite: &Azurite, name: &str) -> QueueClient {
    let transport = Some(Wire::for_storage().for_azure());
    let mut client_options = ClientOptions { transport, ..ClientOptions::default() };
    client_options.per_try_policies.push(Arc::new(SharedKey::azurite(app::clock)));
    let options = QueueClientOptions { client_options, ..Default::default() };
    let url = format!("{}/{name}", azurite.url()).parse().unwrap();
    let queue = QueueClient::new(url, None, Some(options)).unwrap();
    queue.create(None).await.unwrap();
    queue
}

/// The trigger of `function_queue`.
pub struct Trigger {
    function: Function,
    jobs: QueueClient,
    poison: QueueClient,
    /// The processes that get every message at the same instant; one, but in tests of rivals.
    ports: Vec<u16>,
    max_dequeue_count: i64,
    held: AtomicBool,
    at_work: Mutex<BTreeMap<String, Value>>,
    calls: Mutex<Vec<Call>>,
}

/// One message's delivery to all processes.
#[derive(Debug)]
pub struct Call {
    pub message: Value,
    /// What each process said, where its call was a success.
    pub said: Vec<Option<String>>,
}

impl Trigger {
    /// A trigger over `queues`, whose messages go to the processes at these ports.
    pub async fn new(queues: &Azurite, ports: &[u16], max_dequeue_count: i64) -> Trigger {
        Trigger {
            function: Function::read("function_queue"),
            jobs: queue(queues, "posture-jobs").await,
            poison: queue(queues, "posture-jobs-poison").await,
            ports: ports.to_vec(),
            max_dequeue_count,
            held: AtomicBool::new(false),
            at_work: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// Puts a message in, in the base64 that host.json says.
    pub async fn put(&self, message: &Value) {
        put(&self.jobs, message.to_string().as_bytes()).await;
    }

    /// Takes no message from now on: the host has noticed that its process is gone.
    pub fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    /// Takes messages again.
    pub fn go_on(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    /// The messages that a process has now.
    pub fn at_work(&self) -> Vec<Value> {
        self.at_work.lock().unwrap().values().cloned().collect()
    }

    /// Waits until a further call fails.
    pub async fn until_failed(&self) {
        let failed = || {
            let calls = self.calls.lock().unwrap();
            calls.iter().filter(|call| call.said.contains(&None)).count()
        };
        let before = failed();
        while failed() == before {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What became of each delivery since this was asked last.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// How many messages were given up.
    pub async fn given_up(&self) -> i64 {
        count(&self.poison).await
    }

    /// Delivers until no message is left, neither visible nor hidden, and no process has one.
    pub async fn drain(&self) {
        let mut calls = FuturesUnordered::new();
        loop {
            for message in self.take(BATCH_SIZE - calls.len()).await {
                calls.push(self.carry(message));
            }
            if calls.is_empty() && count(&self.jobs).await == 0 {
                return;
            }
            tokio::select! {
                Some(()) = calls.next() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    async fn take(&self, room: usize) -> Vec<ReceivedMessage> {
        if room == 0 || self.held.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(room.try_into().unwrap()),
            visibility_timeout: Some(HIDDEN_SECONDS),
            ..Default::default()
        };
        let answer = self.jobs.receive_messages(Some(options)).await.unwrap();
        answer.into_model().unwrap().items.unwrap_or_default()
    }

    /// Delivers one message; deletes it after a success, else makes it visible again or gives it up.
    async fn carry(&self, message: ReceivedMessage) {
        let (id, receipt) = (message.message_id.unwrap(), message.pop_receipt.unwrap());
        let payload = BASE64_STANDARD.decode(message.message_text.unwrap()).unwrap();
        let job: Value = serde_json::from_slice(&payload).unwrap();
        let count = message.dequeue_count.unwrap();
        self.at_work.lock().unwrap().insert(id.clone(), job.clone());
        let envelope = self.function.delivery(&payload, count.try_into().unwrap());
        let calls = self.ports.iter().map(|port| self.call(*port, &envelope));
        let outcomes = join_all(calls).await;
        self.at_work.lock().unwrap().remove(&id);
        let is_gone = outcomes.iter().any(|call| matches!(call, Outcome::Gone));
        let accepted: Vec<_> = outcomes.into_iter().map(Outcome::success).collect();
        let said = accepted.iter().map(|call| call.as_ref().map(|call| call.logs.join("\n")));
        self.calls.lock().unwrap().push(Call { message: job, said: said.collect() });
        if accepted.iter().all(Option::is_some) {
            for output in accepted.iter().flatten().flat_map(|call| &call.queues["jobs"]) {
                put(&self.jobs, output).await;
            }
        } else if count < self.max_dequeue_count {
            let hidden = if is_gone { AT_ONCE_SECONDS } else { AGAIN_SECONDS };
            self.jobs.update_message(&id, &receipt, hidden, None).await.unwrap();
            return;
        } else {
            put(&self.poison, &payload).await;
        }
        self.jobs.delete_message(&id, &receipt, None).await.unwrap();
    }

    async fn call(&self, port: u16, envelope: &str) -> Outcome {
        let request = http::envelope_request(port, &self.function.name, envelope);
        let Ok(reply) = http::raw(port, &request).await else { return Outcome::Gone };
        match self.function.judge(&reply) {
            Verdict::Success(accepted) => Outcome::Success(*accepted),
            Verdict::Failure(_) | Verdict::Hang => Outcome::Failure,
        }
    }
}

/// What became of one process's call.
enum Outcome {
    Success(Accepted),
    Failure,
    /// The process is gone, and its answer with it.
    Gone,
}

impl Outcome {
    fn success(self) -> Option<Accepted> {
        match self {
            Outcome::Success(accepted) => Some(accepted),
            Outcome::Failure | Outcome::Gone => None,
        }
    }
}

async fn put(queue: &QueueClient, message: &[u8]) {
    let message = QueueMessage { message_text: Some(BASE64_STANDARD.encode(message)) };
    queue.send_message(message.try_into().unwrap(), None).await.unwrap();
}

/// Messages of a queue, hidden ones included.
async fn count(queue: &QueueClient) -> i64 {
    let properties = queue.get_properties(None).await.unwrap();
    properties.approximate_messages_count().unwrap().unwrap()
}

/// The messages that everybody sees in a queue.
pub async fn texts(queue: &QueueClient) -> Vec<String> {
    let options =
        QueueClientPeekMessagesOptions { number_of_messages: Some(32), ..Default::default() };
    let peeked = queue.peek_messages(Some(options)).await.unwrap().into_model().unwrap();
    let items = peeked.items.unwrap_or_default().into_iter();
    let text = |text: String| String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
    items.filter_map(|item| item.message_text).map(text).collect()
}
