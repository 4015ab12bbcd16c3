/// Spells the facts of a business, one variant for each of its aggregates:
/// `facts! { Apply(ApplyEvent), … }`, where a variant has the name of its aggregate.
macro_rules! facts {
    ($($(#[$doc:meta])* $aggregate:ident($event:ty)),+ $(,)?) => {
        /// Anything that can have happened in this business.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {
            $($(#[$doc])* $aggregate($event)),+
        }

        $(impl From<$event> for Fact {
            fn from(event: $event) -> Self {
                Self::$aggregate(event)
            }
        })+

        impl Fact {
            /// The aggregates of this business.
            pub const AGGREGATES: [&'static str; [$(stringify!($aggregate)),+].len()] =
                [$(<super::$aggregate as $crate::kernel::Aggregate>::NAME),+];

            /// Reads an event of the log; `None` when its stream is not of this business.
            ///
            /// # Errors
            /// When the event is of this business and cannot be read.
            pub fn decode(
                stream: &str,
                name: &str,
                version: u16,
                data: &[u8],
            ) -> Result<Option<Self>, $crate::kernel::DecodeError> {
                let Some(subject) = $crate::kernel::Subject::of(stream) else { return Ok(None) };
                if subject.system != super::SYSTEM {
                    return Ok(None);
                }
                $(if subject.aggregate == <super::$aggregate as $crate::kernel::Aggregate>::NAME {
                    let event = <$event as $crate::kernel::Event>::decode(name, version, data)?;
                    return Ok(Some(Self::$aggregate(event)));
                })+
                Ok(None)
            }

            /// The aggregate that it happened to.
            pub fn aggregate(&self) -> &'static str {
                match self {
                    $(Self::$aggregate(_) => <super::$aggregate as $crate::kernel::Aggregate>::NAME),+
                }
            }

            /// Its name on the log.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$aggregate(event) => $crate::kernel::Event::name(event)),+ }
            }

            /// The version in which it is written.
            pub fn version(&self) -> u16 {
                match self { $(Self::$aggregate(event) => $crate::kernel::Event::version(event)),+ }
            }

            /// Its JSON on the log.
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Self::$aggregate(event) => $crate::kernel::Event::encode(event)),+ }
            }
        }
    };
}
pub(crate) use facts;
