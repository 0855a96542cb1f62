"""The nouns of the command, in the order in which people meet them."""

# noun -> what it is for; the module of the same name is loaded when the noun is used
NOUNS = {
    "demo": "Watch five clinics learn together, from request to settlement.",
    "doctor": "Say what is installed, what is missing, and what mends it.",
    "simulate": "Try a scheme on your own table, beside learning alone and pooled.",
    "new": "Make a project to edit: data, a task, a learner, a run.",
    "run": "List runs, show and compare them, go on with one that was cut off.",
    "audit": "Attack a way to train; see what is found beside what is promised.",
    "presets": "Say which schemes there are, and what each needs.",
    "data": "List, describe and fetch data sets.",
    "ledger": "Make a ledger, look into it, export, verify, prove.",
    "network": "Make and run a ledger that several organisations keep.",
    "validator": "Run one organisation's part of a network.",
    "chain": "Make sub-chains, list them, carry what chains have to say.",
    "key": "Make key files and show what others may know of them.",
    "member": "List members; change your keys and devices.",
    "propose": "Put a change to the vote.",
    "vote": "Vote on a proposal.",
    "send": "Send tokens to a member.",
    "unit": "Register, list, hand over and withdraw data sets.",
    "grant": "Ask for, give, decline and revoke the use of units.",
    "request": "List requests and follow one.",
}
