//! The tokens of CI systems and clusters at the door of a registry that knows their issuers.

#[path = "conversation_identity/ci.rs"]
mod ci;
#[path = "conversation_identity/forgeries.rs"]
mod forgeries;
#[path = "conversation_identity/keys.rs"]
mod keys;
#[path = "conversation_identity/registry.rs"]
mod registry;
#[path = "conversation_identity/tls.rs"]
mod tls;
#[path = "conversation_identity/trouble.rs"]
mod trouble;
#[path = "conversation_identity/ways.rs"]
mod ways;
