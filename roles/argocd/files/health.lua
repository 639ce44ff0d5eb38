-- Health of Strimzi's resources, for Argo CD. Its own rules for them take a condition of an earlier generation for one of the
-- present specification, and know neither pauses nor what the Topic Operator calls not ready.
local status = obj.status or {}
local annotations = obj.metadata.annotations or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function holds(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

local function health(level, condition, text)
  local message = text or ""
  if condition ~= nil then
    message = (condition.reason or condition.type) .. ": " .. (condition.message or "no message")
  end
  return { status = level, message = message }
end

if holds("ReconciliationPaused") then
  return health("Suspended", nil, "its reconciliation is paused")
end
if annotations["strimzi.io/rebalance-template"] == "true" then
  return health("Healthy")
end
if status.observedGeneration == nil or status.observedGeneration < obj.metadata.generation then
  return health("Progressing", nil, "its operator has not seen generation " .. obj.metadata.generation .. " yet")
end
if holds("NotReady") and conditions.NotReady.reason == "Creating" then
  return health("Progressing", conditions.NotReady)
end
if holds("NotReady") then
  return health("Degraded", conditions.NotReady)
end
if conditions.Ready ~= nil and conditions.Ready.status == "False" then
  return health("Degraded", conditions.Ready)
end
if holds("Ready") or holds("Unmanaged") then
  return health("Healthy")
end
-- A rebalance that waits for a person.
for _, name in ipairs({ "ProposalReady", "Stopped" }) do
  if holds(name) then
    return health("Suspended", nil, name)
  end
end
-- The operator writes conditions of a pool only when something is wrong with it.
if obj.kind == "KafkaNodePool" then
  return health("Healthy")
end
return health("Progressing", nil, "it has no condition yet")
