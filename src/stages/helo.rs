//! Which name a stage that connects introduces itself by: the one that is given, or that of this machine.

use crate::dns::own_name;
use crate::smtp::helo::HeloName;

/// The name that is `given`, or else that of this machine.
///
/// # Errors
/// This machine has no name that other servers could look up: the message says which, why, and what to give.
pub fn name(given: Option<&HeloName>) -> anyhow::Result<HeloName> {
    if let Some(name) = given {
        return Ok(name.clone());
    }
    let name = own_name::of_this_machine();
    name.parse().map_err(|bad| {
        anyhow::anyhow!("this machine calls itself {name:?}: {bad}; give --helo NAME")
    })
}
