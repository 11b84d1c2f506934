//! Posture collects an organisation's Microsoft security posture into Blob Storage and Log
//! Analytics, and answers summaries of it; it runs as an Azure Functions custom handler.
//!
//! ```text
//! timer ─▶ plan ─▶ queue ─▶ run ─▶ fetch (pages) ─▶ records ─▶ parts ─▶ ledger ─▶ logs ─▶ report
//! http  ─▶ summary ─▶ digests of the latest complete snapshots, from the ledger
//! ```
//!
//! The modules below are in reading order: from the command line inwards.

pub mod action; // guarded, audited response actions
pub mod app; // everything the service holds, built once
pub mod bill; // what the workspace's ingestion comes to
pub mod case; // a responder's pull of one time window, in a folder of its own
pub mod check; // the doctor: what works, what doesn't, and what to do
pub mod checkpoint; // what of a job is kept and sent; whose job it is
pub mod cloud; // hosts of each cloud, identities, tokens, Key Vault, the one transport, link check
pub mod command; // what a person or the host starts: serve, collect, demo, consent, grant, describe
pub mod describe; // what is written from the catalogue: tables, rules, permissions, pages
pub mod digest; // the fold of a source that its run writes and summaries read
pub mod fetch; // how collections are read: pages, retries, throttling
pub mod findings; // completed snapshots in open formats: OCSF events, Parquet
pub mod grant; // what an administrator grants to whom: commands, and carrying them out
pub mod host; // the Functions host's contract: envelope in, outcome out
pub mod hunt; // any query of a caller's, where a setting allows that
pub mod kql; // functions over the workspace's tables: written from the catalogue, and by hand
pub mod ledger; // where records are kept: azure.rs, folder.rs
pub mod logs; // where they are sent: Logs Ingestion
pub mod lookup; // one device, CVE or software, asked of Defender or read from what is kept
pub mod notice; // which alert somebody is to be told of, once
pub mod outbox; // where a job puts messages: the queue, or the process itself
pub mod page; // the report for people, one page of HTML
pub mod part; // lines into one gzip part and one gzip batch
pub mod permissions; // what an administrator grants: to collect, to look up, to act
pub mod plan; // which jobs are due at an instant; messages
pub mod poison; // jobs that the host has given up: what they were, and their way back
pub mod queue; // the queue of jobs by its own API: messages sent, and counted
mod recent; // what was read a moment ago, from memory
pub mod record; // what is kept: the service's own fields behind our envelope
pub mod report; // what one job did
pub mod risk; // the risk order of vulnerabilities: weights and formula
pub mod routes; // what callers ask for: the catalogue of routes, one file a subject
pub mod run; // carries one job out: pages in, ledger first, then logs, a report out
pub mod schema; // shapes of types that are another crate's
pub mod settings; // everything that differs between two deployments
pub mod source; // what can be collected: one constant per collection
pub mod summary; // digests folded into the answers served over HTTP
pub mod telemetry; // spans of jobs, exported where a receiver is set
pub mod tenant; // who we collect for, and the credential of each
