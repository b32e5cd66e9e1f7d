//! What may be booked, by whom, and how appointments and visits go on. Pure: no I/O, no transport, no clock.

pub mod absence;
pub mod appointment;
pub mod best_fit;
pub mod calendar;
pub mod displace;
pub mod emergency;
pub mod error;
pub mod forecast;
pub mod holidays;
pub mod ladder;
pub mod limits;
pub mod mandate;
pub mod moving;
pub mod notice;
pub mod offer;
pub mod pool;
pub mod price;
pub mod queue;
pub mod session;
pub mod several;
pub mod surge;
pub mod suspicion;
pub mod together;
pub mod utilisation;
pub mod visit;
pub mod wait_list;

/// Declares an enum with the word each value has in SQL columns and events.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;
