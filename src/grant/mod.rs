//! What an administrator grants to which identity: the commands for it, what is there already, and who
//! must consent again.

mod command;

pub use command::{Grantee, command, publisher};
