//! What the generated list of APIs expands to.

/// Takes lines `KEY NAME (REQUEST, RESPONSE) VERSIONS, FIRST COMPACT VERSION;`.
macro_rules! apis {
    ($($key:literal $name:ident ($request:path, $response:path) $versions:expr, $compact_from:expr;)+) => {
        /// An API that this crate has messages for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ApiKey {$(
            #[doc = concat!("API key ", $key, ".")]
            $name,
        )+}

        impl ApiKey {
            /// Every API, by ascending key.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The API with this number.
            #[must_use]
            pub fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($key => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub fn code(self) -> i16 {
                match self {$(Self::$name => $key,)+}
            }

            /// Kafka's name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(Self::$name => stringify!($name),)+}
            }

            /// The versions that can be read and written.
            #[must_use]
            pub fn versions(self) -> std::ops::RangeInclusive<i16> {
                match self {$(Self::$name => $versions,)+}
            }

            /// The first version with compact lengths and tagged fields.
            #[must_use]
            pub fn compact_from(self) -> Option<i16> {
                match self {$(Self::$name => $compact_from,)+}
            }
        }

        $crate::apis::body! { "A request of any API." Request $($name($request))+ }
        $crate::apis::body! { "A response of any API." Response $($name($response))+ }
    };
}

/// One enum over the requests, or the responses, of all APIs.
macro_rules! body {
    ($doc:literal $side:ident $($name:ident ($message:path))+) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $side {$(
            #[doc = concat!("Of ", stringify!($name), ".")]
            $name($message),
        )+}

        impl $side {
            /// The API it belongs to.
            #[must_use]
            pub fn api(&self) -> ApiKey {
                match self {$(Self::$name(_) => ApiKey::$name,)+}
            }

            /// Reads the body.
            ///
            /// # Errors
            /// [`crate::DecodeError`] when the bytes are not this message in this version.
            pub fn decode(api: ApiKey, r: &mut $crate::Reader, version: i16) -> Result<Self, $crate::DecodeError> {
                match api {$(ApiKey::$name => $crate::Message::decode(r, version).map(Self::$name),)+}
            }

            /// Writes the body; fields that the version does not have are left out.
            pub fn encode(&self, w: &mut $crate::Writer, version: i16) {
                match self {$(Self::$name(body) => $crate::Message::encode(body, w, version),)+}
            }
        }
    };
}

pub(crate) use {apis, body};
