import { UserNotFound } from '../../users/index.js';
import { LinkInvalid } from '../flows/flows.contract.js';

/** Whatever was mailed to somebody whose account is no more is good for nothing. @throws LinkInvalid */
export async function unlessGone<T>(account: Promise<T>): Promise<T> {
  try {
    return await account;
  } catch (error) {
    throw error instanceof UserNotFound ? new LinkInvalid() : error;
  }
}
