//! What the reports of all commands share: the page, pictures, axes.

pub mod axis;
pub mod page;
pub mod svg;
