//! One test binary: a module per behaviour. Real servers on loopback, the real binary as a process.

mod support;

mod azure;
mod azurite;
mod clouds;
mod collecting;
mod commands;
mod credentials;
mod exports;
mod faults;
mod host_contract;
mod identity;
mod kql;
mod resume;
mod serving;
mod updates;
