use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::money::decimal;

/// How many: a whole number from 1 to 2,147,483,647 (what the documents' `Integer` holds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub struct Quantity(u32);

/// A number that is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {}", i32::MAX)]
pub struct InvalidQuantity;

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if (1..=i32::MAX as u32).contains(&number) { Ok(Self(number)) } else { Err(InvalidQuantity) }
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    /// Reads `10`, `10.0`, `1e1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        whole(text)?.try_into()
    }
}

/// A whole number, however it is written.
pub(super) fn whole(text: &str) -> Result<u32, InvalidQuantity> {
    let number = decimal(text).filter(Decimal::is_integer).ok_or(InvalidQuantity)?;
    number.to_u32().ok_or(InvalidQuantity)
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_positive_whole_number() {
        for text in ["10", "10.0", "1e1"] {
            assert_eq!(text.parse::<Quantity>().map(u32::from), Ok(10), "{text}");
        }
        for text in ["0", "-1", "abc", "", "1.5", "2147483648", "99999999999999999999"] {
            assert_eq!(text.parse::<Quantity>(), Err(InvalidQuantity), "{text}");
        }
    }
}
