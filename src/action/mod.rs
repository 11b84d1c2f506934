//! Response actions: guarded, carried out by an identity of their own, written down whatever comes of
//! them.

mod caps;
mod deny;
mod device;
mod guard;

pub use caps::{Caps, Uncounted};
pub use deny::Deny;
pub use device::{Device, Named};
pub use guard::{Criticality, Policy, Refusal, fit, possible, switched_on};
