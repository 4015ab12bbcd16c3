//! The languages of the pages, and the words that the pages of all businesses have in common. What the
//! wire says stays as it is; only its meaning is told.

/// The languages of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Ko,
}

/// What every page says in one language.
pub(crate) struct Words {
    /// The name of the language, in itself.
    pub(crate) language: &'static str,
    pub(crate) optional: &'static str,
    pub(crate) show: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) live: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) reconnecting: &'static str,
    pub(crate) reload: &'static str,
    pub(crate) check_fields: &'static str,
    pub(crate) failed: &'static str,
}

impl Lang {
    /// The language of a code: `en`, `ko`.
    pub(crate) fn find(code: &str) -> Option<Self> {
        [Self::En, Self::Ko].into_iter().find(|lang| lang.code() == code)
    }

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::En => Self::Ko,
            Self::Ko => Self::En,
        }
    }

    /// What every page says in it.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Ko => &KO,
        }
    }
}

const EN: Words = Words {
    language: "English",
    optional: "optional",
    show: "Show",
    changed: "Last change",
    live: "Live",
    connecting: "Connecting…",
    reconnecting: "Reconnecting…",
    reload: "Reload to see changes",
    check_fields: "Please check the marked fields. Nothing was sent yet.",
    failed: "That did not work, through no fault of yours. Please try again.",
};

const KO: Words = Words {
    language: "한국어",
    optional: "선택",
    show: "조회",
    changed: "최근 변경",
    live: "실시간",
    connecting: "연결 중…",
    reconnecting: "다시 연결 중…",
    reload: "새로고침하여 변경 확인",
    check_fields: "표시된 항목을 확인해 주세요. 아직 신청되지 않았습니다.",
    failed: "처리 중 문제가 발생했습니다. 다시 시도해 주세요.",
};
