//! What the simulator promises, asked over real connections.

mod arm;
mod assertions;
mod changes;
mod cloud_apps;
mod dated;
mod defender;
mod exports;
mod faults;
mod hunting;
mod lists;
mod logs;
mod lookups;
mod support;
mod tokens;
