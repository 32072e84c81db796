/** The URL by which users reach Roster: the issuer of tokens and the base of links. Never taken from a header. */
export class PublicUrl {
  private url: string | null = null;

  /** Known once the database was asked, before anything is served. */
  settle(url: string): void {
    this.url = url.replace(/\/+$/, '');
  }

  get value(): string {
    if (this.url === null) throw new Error('The public URL is not known yet');
    return this.url;
  }
}
