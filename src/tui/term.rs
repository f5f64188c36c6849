//! The only room that knows the terminal: bytes in, frames out, and everything put back at the end.

pub mod caps;
pub mod event;
pub mod guard;
pub mod input;
pub mod screen;

pub use caps::{Capabilities, ColorDepth};
pub use event::{Button, Code, Event, Key, Mouse, MouseKind};
