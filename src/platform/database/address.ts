/** Where the database is: told by DATABASE_URL, or known once the embedded one has started. */
export class DatabaseAddress {
  constructor(
    /** As the role that the application works with. */
    readonly url: string,
    /** As the role that owns the tables. */
    readonly ownerUrl: string,
    readonly embedded: boolean,
  ) {}

  /** The application's role, when it is not the owner itself. */
  get applicationRole(): string | null {
    const [application, owner] = [new URL(this.url).username, new URL(this.ownerUrl).username];
    return application === owner ? null : decodeURIComponent(application);
  }
}
