mod cases;
mod documents;
mod fixtures;
mod kinds;
mod library;
mod properties;
