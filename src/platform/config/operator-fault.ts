/** What whoever runs Roster can mend, and the start cannot go on without: its message is shown alone, with no stack. */
export class OperatorFault extends Error {}
