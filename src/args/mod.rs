//! The doors: each turns what was typed into one validated [`request::LinkRequest`]. The engine knows no door.

pub mod cc;
pub mod cli;
pub mod control;
pub mod flag;
pub mod golink;
pub mod ld;
pub mod probe;
pub mod quoted;
pub mod request;
pub mod rspfile;
