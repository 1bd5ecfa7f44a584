//! The entities of the boundary and the answers given about them.
//!
//! # A tour for whoever writes questions
//! A reader fills one [`World`]: lists of entities, each with an [`Origin`] (address, source line, what the plan does to
//! it, tags, evidence). There are up to three worlds of one shape - planned, prior, actual - and one [`Contract`], the
//! approved one. A question is a pure function of worlds and contract and emits one [`Finding`] per subject.
//!
//! Every attribute is a [`Fact`]: known, symbolic or unknown with its [`Reason`]. How to use one:
//! - `fact.judge(|value| ...)` and `fact.judge_text(|text| ...)` carry the reason of an unknown into the verdict and note
//!   the symbols a proof rests on. Do not default: an attribute without a value is never `false` or empty.
//! - `Option<Fact<T>>` is absence that was read: `None` says "has none", `Some(Fact::Unknown(_))` says "may have one".
//! - `more_*: Option<Reason>` beside a list: `None` says the list is complete; a reason says why it may not be. A proof
//!   that something does not exist has to look at it: `Verdict::unknown(reason)` when there is one.
//! - identifiers that AWS has yet to assign are symbols, `${aws_kms_key.data.arn}`, and compare as text: the endpoint
//!   whose `id` has the symbol that a bucket policy names is that endpoint. [`World::key`], [`World::bucket`], ... find
//!   entities by such references.
//! - policies stand as JSON text with symbols in place; `${unknown:ADDRESS}` stands where not even a symbol is known.
//!
//! Verdicts are put together with [`Verdict::and`], [`Verdict::all`], [`Verdict::or`], [`Verdict::any`]; exceptions come
//! last, with [`Contract::except`]. A violated verdict always has a [`Witness`] that names principal, action, resource,
//! statements or hops.
//!
//! What a plan never says (grants of a key that exists, policies of roles made elsewhere, last use) is
//! `Unknown(Reason::NotRead { source, what })`, so that reports can say who would tell.

pub mod artifact;
pub mod audit;
pub mod compute;
pub mod contract;
pub mod evidence;
pub mod fact;
pub mod finding;
pub mod identity;
pub mod kafka;
pub mod key;
pub mod network;
pub mod origin;
pub mod store;
pub mod verdict;
pub mod world;

pub use artifact::{Aspect, Class, Zone};
pub use contract::Contract;
pub use evidence::{Evidence, EvidenceId};
pub use fact::{Fact, Symbol, Template};
pub use finding::Finding;
pub use origin::{Change, Origin, Place};
pub use verdict::{Exclusion, Reason, Verdict, Witness};
pub use world::World;
