import pytest

from rawtune.llm.quota import tells_of_no_money


@pytest.mark.parametrize(
    "words",
    [
        '{"error": {"code": "insufficient_quota"}}',
        "Insufficient Balance",
        "Sorry, your account balance is insufficient",
        "You exceeded your current quota, please check your plan and billing details.",
        "Your account is not active, please check your billing details on our website.",
        '{"error": {"type": "exceeded_current_quota_error"}}',
        "余额不足或无可用资源包,请充值。",
        "您的账户已欠费，请充值后重试。",
    ],
)
def test_no_money(words):
    assert tells_of_no_money(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000. Please try again in 2s.",
        "Rate limit reached: 3 / min. Add a payment method at https://platform.openai.com/account/billing.",
        '{"error": {"code": "rate_limit_exceeded", "message": "check your billing plan for higher limits"}}',
        "You exceeded your current quota, please check your plan and billing details. Please retry in 38.6s.",
        '{"message": "You exceeded your current quota", "details": [{"retryDelay": "26s"}]}',
        "您的账户已达到速率限制，请您控制请求频率",
        "当前服务并发过高，请稍后重试",
    ],
)
def test_only_too_fast(words):
    assert not tells_of_no_money(words)
