use std::borrow::Cow;

use domain::elearning::CancelReason;

use super::Texts;
use crate::elearning::web::stage::Stage;
use crate::web::frame::FrameTexts;
use crate::web::list::Remarks;

const STUDENT_ID: &str = "수강생 아이디";

pub(super) const TEXTS: Texts = Texts {
    frame: FrameTexts {
        title: "교재 신청",
        lead: "신청하고 결제하면 교재를 보내 드립니다.",
        skip: "신청 내역으로 이동",
        form: "교재 신청",
        list: "신청 내역",
        who: STUDENT_ID,
        none_yet: "아직 신청 내역이 없습니다. 신청하시면 여기에 표시됩니다.",
        remarks: Remarks {
            who: "수강생 아이디를 입력하면 신청 내역을 볼 수 있습니다.",
            elsewhere: "신청 내역은 다른 서버에서 조회할 수 있습니다. 신청은 여기에서도 가능합니다.",
            unreadable: "지금은 신청 내역을 불러올 수 없습니다. 신청은 안전하게 보관되어 있으니 잠시 후 다시 시도해 주세요.",
            behind: "방금 하신 변경을 내역에 반영하고 있습니다.",
            degraded: "지금은 신청 내역이 최신이 아닐 수 있습니다. 신청은 안전하게 보관되어 있습니다.",
            only_latest: "여기에 표시된 것보다 신청 내역이 더 있습니다.",
        },
    },

    student_id: STUDENT_ID,
    student_name: "이름",
    book_id: "교재 번호",
    book_name: "교재명",
    qty: "수량",
    amount: "결제 금액",
    address: "배송지",
    submit: "신청하기",
    copies: |count| format!("{count}권"),

    steps: ["신청", "결제", "배송"],
    cancel: "신청 취소",
    stage: |stage| match stage {
        Stage::WaitsForPayment => {
            ("결제 대기 중", Some("결제가 지연되고 있습니다. 잠시 후 자동으로 다시 시도합니다."))
        }
        Stage::WaitsForDelivery => ("결제 완료", Some("곧 자동으로 배송이 시작됩니다.")),
        Stage::BeingDelivered => ("결제 완료 — 배송 중", None),
        Stage::CancelWaitsForDelivery => {
            ("취소 처리 중", Some("배송 취소 확인을 기다리고 있습니다. 확인되면 결제도 자동으로 취소됩니다."))
        }
        Stage::CancelWaitsForPayment => ("취소 처리 중", Some("배송은 취소되었고 결제를 취소하고 있습니다.")),
        Stage::CancelledUnpaid => ("취소됨", Some("남아 있던 결제 요청을 철회하고 있습니다.")),
        Stage::Cancelled => ("취소됨", None),
        Stage::Refused => ("결제 거절됨", Some("교재는 배송되지 않습니다.")),
    },
    reason,

    wrong: |field, missing| match (field, missing) {
        (_, true) => "필수 항목입니다.",
        ("qty", _) => "1 이상의 정수를 입력해 주세요.",
        ("amount", _) => "0 이상의 숫자를 입력해 주세요. 소수점 아래는 두 자리까지 가능합니다.",
        _ => "255자 이내로 입력해 주세요.",
    },
    already_sent: "이 신청서는 이미 다른 내용으로 접수되었고 그 신청은 유효합니다. \
                   이 내용으로도 신청하시려면 다시 신청해 주세요.",
    not_taken_now: "지금은 신청을 받을 수 없습니다. 잠시 후 다시 시도해 주세요. 중복 신청되지 않습니다.",
    not_cancelled_now: "지금은 취소할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    no_such: "해당 신청을 찾을 수 없습니다.",
};

fn reason(reason: &str) -> Cow<'_, str> {
    if reason == CancelReason::StudentCancelled.describe() {
        "수강생이 신청을 취소했습니다.".into()
    } else if reason == CancelReason::PaymentCancelled.describe() {
        "결제가 취소되었습니다.".into()
    } else if reason == "card declined" {
        "카드 승인이 거절되었습니다.".into()
    } else {
        reason.into()
    }
}
