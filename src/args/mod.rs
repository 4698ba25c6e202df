//! The doors: each turns what was typed into one validated [`request::LinkRequest`]. The engine knows no door.

pub mod request;
