//! Command lines of the tools that mlup drives and parsers of what they print: pure functions, a
//! file a tool. Running them and deciding when is `steps/`.

pub mod compose;
