//! Response actions: guarded, carried out by an identity of their own, written down whatever comes of
//! them.

mod act;
mod attempt;
pub mod audit;
mod caps;
mod critical;
mod deny;
mod device;
mod follow;
mod guard;
mod intent;
mod microsoft;
mod order;
mod repeat;
mod target;
mod trouble;

pub use act::{Acted, act, refuse};
pub use attempt::{Attempt, Delivery, MachineAction, Outcome, Target};
pub use caps::{Caps, Uncounted};
pub use critical::of as criticality;
pub use deny::Deny;
pub use device::{Device, Named};
pub use follow::resolve;
pub use guard::{Criticality, Policy, Refusal, fit, possible, switched_on};
pub use order::{LONGEST_KEY, LONGEST_REASON, Order};
