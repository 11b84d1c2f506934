//! One test binary: a module per behaviour. Real servers on loopback, the real binary as a process.

mod support;

mod actions;
mod answers;
mod azure;
mod azurite;
mod cases;
mod changes;
mod chaos;
mod check;
mod cloud_apps;
mod clouds;
mod collecting;
mod commands;
mod content;
mod credentials;
mod exports;
mod faults;
mod grant;
mod host_contract;
mod hunting;
mod identity;
mod infra;
mod kql;
mod lookups;
mod page;
mod poison;
mod replay;
mod resume;
mod routes;
mod serving;
mod sharing;
mod steps;
mod telemetry;
mod tenants;
mod updates;
