use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};

/// An exact amount, zero or more, with at most two decimals and 15 digits in all. On the log it is a
/// decimal text (`"1000"`, `"12.5"`).
///
/// The bound keeps it exact in every JSON reader that thinks in doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Money(Decimal);

/// A text that is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// Not a decimal number.
    #[error("must be a number")]
    NotANumber,
    /// Less than zero.
    #[error("must not be negative")]
    Negative,
    /// More than two decimals.
    #[error("must have at most two decimals")]
    TooFine,
    /// More than 15 digits.
    #[error("must be at most 9999999999999.99")]
    TooMuch,
}

/// 9,999,999,999,999.99 in hundredths.
const MAX_HUNDREDTHS: i64 = 999_999_999_999_999;

impl FromStr for Money {
    type Err = InvalidMoney;

    /// Reads `1000`, `1000.5`, `1e3`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // More digits than a decimal can hold are a number all the same.
        let huge = text.len() > 28 && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = match decimal(text) {
            None if huge => return Err(InvalidMoney::TooMuch),
            None => return Err(InvalidMoney::NotANumber),
            Some(amount) => amount.normalize(),
        };
        match amount {
            _ if amount < Decimal::ZERO => Err(InvalidMoney::Negative),
            _ if amount > Decimal::new(MAX_HUNDREDTHS, 2) => Err(InvalidMoney::TooMuch),
            _ if amount.scale() > 2 => Err(InvalidMoney::TooFine),
            _ => Ok(Self(amount)),
        }
    }
}

/// A decimal number exactly as written, plain or with an exponent.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let exponent = text.contains(['e', 'E']);
    let number = if exponent { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    number.ok()
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for Money {
    type Error = InvalidMoney;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_and_written_exactly() {
        let same = "9999999999999.99";
        for (text, written) in
            [("1000", "1000"), ("1000.0", "1000"), ("0.10", "0.1"), ("1e3", "1000"), (same, same)]
        {
            assert_eq!(text.parse::<Money>().map(|money| money.to_string()), Ok(written.to_owned()));
        }
    }

    #[test]
    fn an_amount_that_makes_no_sense_is_refused_with_the_reason() {
        let nines = "9".repeat(400);
        for (text, reason) in [
            ("abc", InvalidMoney::NotANumber),
            ("", InvalidMoney::NotANumber),
            ("NaN", InvalidMoney::NotANumber),
            ("-1", InvalidMoney::Negative),
            ("0.001", InvalidMoney::TooFine),
            ("10000000000000", InvalidMoney::TooMuch),
            (nines.as_str(), InvalidMoney::TooMuch),
        ] {
            assert_eq!(text.parse::<Money>(), Err(reason), "{text}");
        }
    }
}
