//! What an administrator grants to which identity: the commands for it, carrying them out, and who must
//! consent again.
//!
//! ```text
//! plan       which roles for which identity      directory  grants them through Microsoft Graph
//! command    the exact command for one role      consent    what a tenant's tokens lack
//! text       what people are to do, as text
//! ```

mod command;
mod consent;
mod directory;
mod plan;
mod text;

pub use command::{Grantee, command, publisher};
pub use consent::{Standing, standing};
pub use directory::{Directory, GrantError, Outcome};
pub use plan::{Grant, Wanted, plan, to_read};
pub use text::{applied, commands, consent_link, customer, overview};
