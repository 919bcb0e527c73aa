"""Where the rewards pages are."""

from django.urls import path

from rewards.views import (
    balances,
    batches,
    checks,
    explain,
    facts,
    ladder,
    points,
    programs,
    redemptions,
    reinstate,
    rewards,
    rules,
    spending,
    stamps,
    tiers,
    undo,
)

app_name = "rewards"

urlpatterns = [
    path("customers/<int:customer_id>/points/", points.panel, name="points"),
    path("customers/<int:customer_id>/stamps/", stamps.panel, name="stamps"),
    path("customers/<int:customer_id>/balances/", facts.facts, name="balances"),
    path("customers/<int:customer_id>/adjust/", balances.adjust, name="adjust"),
    path(
        "customers/<int:customer_id>/adjust/preview/",
        balances.adjust_preview,
        name="adjust-preview",
    ),
    path("customers/<int:customer_id>/spend/", spending.spend, name="spend"),
    path(
        "customers/<int:customer_id>/spend/preview/", spending.spend_preview, name="spend-preview"
    ),
    path("customers/<int:customer_id>/rewards/", redemptions.panel, name="customer-rewards"),
    path(
        "customers/<int:customer_id>/redemptions/<int:redemption_id>/cancel/",
        redemptions.cancel,
        name="redemption-cancel",
    ),
    path(
        "customers/<int:customer_id>/redemptions/<int:redemption_id>/remove/",
        redemptions.remove,
        name="redemption-remove",
    ),
    path(
        "customers/<int:customer_id>/redemptions/<int:redemption_id>/used/",
        redemptions.used,
        name="redemption-used",
    ),
    path(
        "customers/<int:customer_id>/redemptions/<int:redemption_id>/reopen/",
        redemptions.reopen,
        name="redemption-reopen",
    ),
    path("redemptions/", redemptions.listing, name="redemptions"),
    path("customers/<int:customer_id>/tier/history/", tiers.history, name="tier-history"),
    path("customers/<int:customer_id>/tier/change/", tiers.change, name="tier-change"),
    path("customers/<int:customer_id>/tier/preview/", tiers.change_preview, name="tier-preview"),
    path(
        "customers/<int:customer_id>/tier/changes/<int:change_id>/undo/",
        tiers.undo,
        name="tier-undo",
    ),
    path("rewards/", rewards.catalogue, name="catalogue"),
    path("rewards/new/", rewards.reward_new, name="reward-new"),
    path("rewards/preview/", rewards.reward_preview, name="reward-preview"),
    path("rewards/<int:reward_id>/", rewards.reward, name="reward"),
    path("rewards/<int:reward_id>/edit/", rewards.reward_edit, name="reward-edit"),
    path("rewards/<int:reward_id>/on/", rewards.reward_on, name="reward-on"),
    path("rewards/<int:reward_id>/off/", rewards.reward_off, name="reward-off"),
    path(
        "rewards/<int:reward_id>/picture/<str:digest>/",
        rewards.reward_picture,
        name="reward-picture",
    ),
    path("customers/<int:customer_id>/explain/", explain.dialog, name="explain"),
    path("customers/<int:customer_id>/operations/<int:operation_id>/undo/", undo.undo, name="undo"),
    path(
        "customers/<int:customer_id>/expiries/<int:expiry_id>/reinstate/",
        reinstate.reinstate,
        name="reinstate",
    ),
    path("ledger-checks/", checks.checks, name="checks"),
    path("mass-adjustments/", batches.batches, name="mass-adjustments"),
    path("mass-adjustments/new/", batches.new, name="mass-adjustment-new"),
    path("mass-adjustments/template.csv", batches.template, name="mass-adjustment-template"),
    path("mass-adjustments/<int:batch_id>/", batches.batch, name="mass-adjustment"),
    path("mass-adjustments/<int:batch_id>/apply/", batches.apply, name="mass-adjustment-apply"),
    path("mass-adjustments/<int:batch_id>/undo/", batches.undo, name="mass-adjustment-undo"),
    path(
        "mass-adjustments/<int:batch_id>/discard/", batches.discard, name="mass-adjustment-discard"
    ),
    path(
        "mass-adjustments/<int:batch_id>/result.csv", batches.result, name="mass-adjustment-result"
    ),
    path("programs/", programs.program_list, name="programs"),
    path("programs/new/", programs.program_new, name="program-new"),
    path("programs/new/preview/", programs.program_new_preview, name="program-new-preview"),
    path("programs/<int:program_id>/", programs.program, name="program"),
    path("programs/<int:program_id>/edit/", programs.program_edit, name="program-edit"),
    path("programs/<int:program_id>/preview/", programs.program_preview, name="program-preview"),
    path("programs/<int:program_id>/pause/", programs.program_pause, name="program-pause"),
    path("programs/<int:program_id>/start/", programs.program_start, name="program-start"),
    path("programs/<int:program_id>/rules/new/", rules.rule_new, name="rule-new"),
    path(
        "programs/<int:program_id>/rules/new/preview/",
        rules.rule_new_preview,
        name="rule-new-preview",
    ),
    path("programs/<int:program_id>/rules/<int:rule_id>/edit/", rules.rule_edit, name="rule-edit"),
    path(
        "programs/<int:program_id>/rules/<int:rule_id>/preview/",
        rules.rule_preview,
        name="rule-preview",
    ),
    path("programs/<int:program_id>/rules/<int:rule_id>/on/", rules.rule_on, name="rule-on"),
    path("programs/<int:program_id>/rules/<int:rule_id>/off/", rules.rule_off, name="rule-off"),
    path("programs/<int:program_id>/tiers/new/", ladder.tier_new, name="step-new"),
    path(
        "programs/<int:program_id>/tiers/new/preview/",
        ladder.tier_new_preview,
        name="step-new-preview",
    ),
    path("programs/<int:program_id>/tiers/<int:tier_id>/edit/", ladder.tier_edit, name="step-edit"),
    path(
        "programs/<int:program_id>/tiers/<int:tier_id>/preview/",
        ladder.tier_preview,
        name="step-preview",
    ),
    path("programs/<int:program_id>/tiers/<int:tier_id>/on/", ladder.tier_on, name="step-on"),
    path("programs/<int:program_id>/tiers/<int:tier_id>/off/", ladder.tier_off, name="step-off"),
    path("tiers/", ladder.tiers, name="tiers"),
]
