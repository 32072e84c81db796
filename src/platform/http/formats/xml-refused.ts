/** Why an XML body is refused; the sentence may be shown to the caller. */
export class XmlRefused extends Error {}
