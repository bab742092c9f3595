"""Which English words are seldom written but as names, and the capitalised ones that name places, peoples and things.

Counts of lower-case words are those of pyspellchecker's English dictionary (MIT), of which only the file is used.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Final

from curation.privacy import english_lexicon as en
from xinheng.errors import InputError

# Seen less often than this, a word is hardly one: monday 1,000, stranger 28,000.
_SELDOM: Final = 1500
_UNKNOWN: Final = 200


@cache
def _counts() -> dict[str, int]:
    spec = importlib.util.find_spec("spellchecker")
    if spec is None or spec.origin is None:
        raise InputError(
            "find", "the words of pyspellchecker are missing", mend="Install xinheng with its dependencies."
        )
    with gzip.open(Path(spec.origin).parent / "resources" / "en.json.gz") as file:
        counts: dict[str, int] = json.load(file)
    return counts


@cache
def is_seldom(word: str) -> bool:
    """Whether a capitalised word, or each of its parts, is hardly a word in lower case.

    >>> is_seldom("Desmond"), is_seldom("Stranger")
    (True, False)
    """
    parts = word.lower().replace("'", "-").split("-")
    return any(_counts().get(part, 0) < _SELDOM and not _is_inflected(part) for part in parts if len(part) > 1)


def is_rare(word: str) -> bool:
    """Whether a word is hardly one as it stands, whatever it may be with another ending (Jared is no form of jar)."""
    return _counts().get(word.lower(), 0) < 2 * _SELDOM


def is_unknown(word: str) -> bool:
    """Whether a capitalised word is in no dictionary, nor built of a word that is."""
    return _counts().get(word.lower(), 0) < _UNKNOWN and not _is_inflected(word.lower()) and word not in no_names()


def _is_inflected(word: str) -> bool:
    """Whether a word without its ending is a common one: texting, Zooms."""
    stems = [
        word[: -len(end)] for end in ("s", "es", "ing", "ed", "er", "ers", "ly", "y", "ness") if word.endswith(end)
    ]
    stems += [stem + "e" for stem in stems]
    return any(_counts().get(stem, 0) >= _SELDOM * 4 for stem in stems if len(stem) > 2)


@cache
def first_names() -> frozenset[str]:
    """English first names, and those of other languages in Latin letters."""
    return frozenset(f"{en.ENGLISH_FIRST} {en.ENGLISH_SHY} {_MORE_FIRST}".split())


@cache
def no_names() -> frozenset[str]:
    """Capitalised words that name no person."""
    return frozenset(f"{en.NOT_NAMES} {_PLACES} {_THINGS}".split())


_MORE_FIRST: Final = (
    "Abbie Abby Addison Adriana Adrienne Aiyana Alannah Aleksandra Alfonso Alfredo Alicia Aliyah Allison Alondra Alonzo Alvin Amari Amaya Amie Amos Amrita Anaya Andreea Andres Angelo Angie Anil "
    "Anika Anneliese Annika Anoushka Ansel Antonia Antwan Araceli Ariadne Arlo Armando Arnold Aron Ashton Athena Aurelia Avery Axel Ayaan Ayla Ayumi Bartholomew Basil Beau Beatriz Belinda Benedict Benny "
    "Berenice Bernardo Bernie Bertie Beth Bethan Betsy Billie Billy Bjorn Blaine Bobbie Bobby Brandi Brandy Braxton Breanna Brenna Brianna Briony Britney Brody Bronwen Bryony Cade Caden Cal Callie Calum "
    "Camden Camilla Carey Carlton Carmel Carolina Carson Carter Cassidy Cathy Cecil Celine Cerys Cesar Chad Chandler Chanel Chantelle Charity Charlene Charmaine Chester Chiamaka Chip Christa Christie Christy "
    "Chuck Cian Cillian Clare Clark Claudio Clem Clementine Cleo Clint Clyde Colette Colleen Conrad Cordelia Corinne Cory Crispin Cristina Crystal Cynthia Dafydd Daisuke Dakota Dalia Dallas Damon Dana Dane "
    "Danica Daniela Daniella Dante Daria Darrell Darryn Dashawn Davey Davis Dawson Deandre Declan Delilah Delroy Demetrius Denzel Deon Dermot Deshawn Desiree Devin Dewi Dharma Diana Dimitra Dina Dion "
    "Dionne Dirk Divya Donal Donnie Dorian Dorothea Dougal Dwight Ebony Eddy Efosa Eilidh Eimear Eira Eleni Eliana Elinor Elisabeth Elissa Eliza Elliana Elwood Elwyn Elvira Elvis Emeka Emery Emilio "
    "Emmanuel Emmett Emmy Enid Enzo Erick Ernie Errol Esmeralda Estella Ethel Eugenia Eunji Evangeline Evie Ewan Ezekiel Ezra Fabian Fabio Faye Federico Femi Fenella Ferdinand Fernanda Fidel Filip Fionn "
    "Fletcher Fran Francine Frankie Fraser Frida Gail Galina Garrett Gary Gaynor Gemma Gene Georgie Geraint Gerry Gertrude Giles Gilly Gino Gisele Giuseppe Gloria Glynis Goran Gracie Grady Graeme Gregor "
    "Griffin Griselda Guillaume Gus Gwendolyn Gwyneth Hadley Hakeem Haley Hamish Hamish Hanif Haruka Haruto Hattie Hayden Hayley Heath Hefin Heloise Henrik Hester Hope Horace Huda Huw Hyun Iago Ianto Ibrahim "
    "Ife Ifeoma Ilana Imelda Indira Inga Inigo Iona Ira Irina Isha Isidore Ismael Israel Itzel Iwan Izzy Jace Jacinta Jaden Jago Jaiden Jakob Jalen Jamar Jamila Janae Jane Janey Janice Jarrod Jarvis "
    "Jasmeet Javon Jaxon Jayne Jaz Jean-Luc Jedidiah Jemima Jenifer Jennie Jensen Jeremiah Jermaine Jerrod Jesus Jethro Jia Jimena Jin Jiro Joachim Joaquin Jodi Joelle Johnnie Jolene Jonas Jonny Jono Jordy "
    "Josef Josiah Joss Jovan Joyce Judd Judy Juliana Julianne Julius Junior Jyoti Kacey Kade Kai Kaia Kaleb Kali Kamala Kamil Kane Kareem Karina Karin Kasey Kaspar Kassandra Kat Kate Katelyn Katharine Kathi Katherin "
    "Katrina Katya Kavita Kayden Kazuki Keaton Keeley Keira Kellan Kellie Kelsey Ken Kendall Kendrick Kenna Kenneth Kenya Kenzie Kermit Kerrie Keziah Khalil Kiara Kiera Kieran Kiki Kingsley Kinsey Kip Kiran Kit Kitty "
    "Klara Klaus Kofi Konrad Kourtney Kris Krista Kristian Kristie Kristoffer Krystal Kurt Kyla Kylie Kyra Lacey Lachlan Laila Lakisha Lamar Lamont Landon Lara Lars Latonya Laurel Lauryn Lavinia Lawrence Leandro Leanne "
    "Leela Leif Leilani Leland Lennon Lenny Leonie Leonora Leopold Leora Lesley Lettie Levi Lexi Lexie Liana Libby Lidia Lillie Linnea Linus Lionel Lisbeth Liv Livia Llewellyn Logan Lola Lonnie Lorelei Lorne "
    "Lottie Lou Louie Lourdes Lowell Luann Luca Lucian Lucinda Ludmila Luigi Lukas Lupe Luther Lyndon Lyndsey Lyra Mabel Macy Maddox Madhav Madi Madeline Magdalena Magnus Mahalia Mairead Malaika Malala Mallory "
    "Mandeep Manish Marcelo Marci Marcie Margarita Marge Margery Margie Mariah Maribel Maricela Marielle Marika Marilena Marita Marjory Marla Marley Marlee Marnie Marquis Marshall Martine Marty Masood Mattie Maude "
    "Mauricio Maverick Maxwell Mayra Mckenzie Meera Meghan Mel Melina Melody Melvyn Mena Merle Merlin Merrill Mervyn Mia Micah Micaela Michaela Michal Mick Mickey Mikayla Mike Mikey Milan Milena Millicent Milton Mimi "
    "Minh Minna Mindy Mirabel Miriam Misha Misty Mitch Mitzi Moana Moesha Mollie Montserrat Mordecai Morag Morris Mort Mortimer Moshe Moya Mustafa Myfanwy Myron Nadine Naira Nala Nanette Naoko Narelle Nash Nathalie "
    "Ned Neela Neelam Neha Nestor Neve Ngozi Nia Nichola Nicholas Nichole Nick Nicki Nicky Nicolai Nicole Nils Noelle Noemi Nolan Noreen Noriko Nova Octavia Odette Oisin Olamide Oleg Olena Olivier Ollie Oluchi Olumide "
    "Omari Ophelia Oriana Orson Osama Osvaldo Otto Padma Pamela Paris Parker Parisa Pascal Pauline Paulo Pearl Peggy Pernille Pete Petr Petunia Peyton Phil Philomena Phineas Pia Piers Pippa Polly Pradeep Pranav Prakash "
    "Precious Prem Prudence Quinn Quinton Rachelle Radha Raegan Rafe Raina Raj Rajiv Ralph Ramesh Ramiro Ranjit Rania Raphael Rashad Rashida Raven Raymundo Rebekah Reece Reed Reena Reese Reg Regan Reina Renata Renate "
    "Reuben Rhea Rhian Rhiannon Rhoda Ricki Rickey Rico Rihanna Riku Rishi Robbie Robson Rochelle Rocco Roderick Rodolfo Roger Rogelio Roisin Rolf Roma Romaine Romy Ronan Ronnie Roopa Rosalia Rosalyn Rosanna Roscoe "
    "Roselyn Rosemarie Rosetta Roslyn Rowan Rowena Roxane Roxy Royce Ruairi Ruben Rudolph Rupa Russ Rustam Ruthie Ryder Ryland Ryo Sabine Sachin Sade Saffron Sage Saira Sakura Salvador Salvatore Samir Samira Sanaa Sandeep "
    "Sandi Sanjana Santino Santos Saoirse Sarita Sascha Sashi Satoshi Scarlet Scottie Seamus Selina Selma Sergey Seth Shaniqua Shanice Shania Shanelle Shanika Sharif Sharron Shauna Shayla Shay Shea Shelagh Shelly Sheryl "
    "Shirley Shiv Shona Sid Sigrid Silas Silvana Simeon Simran Sinead Skye Skylar Soledad Solomon Sonal Sonny Soraya Spike Stacie Stanislav Stefanie Stefano Stephon Stevie Sukhdeep Summer Susannah Susie Suzie Svetlana Sybil "
    "Sylvester Sylvie Tadhg Talia Tam Tamar Tamsin Tanisha Tarek Tarquin Taryn Tasneem Tate Tatum Tavon Taylor Teagan Ted Teddy Temi Terence Teri Terrance Terrell Terrence Tess Tevin Thaddeus Thalia Theodora Thierry Thora "
    "Tia Tiana Tiago Tiara Tilda Tillie Tilly Timmy Tina Tobias Tod Tomoko Tonya Tori Torin Tracie Tremaine Trent Trenton Trey Trina Tristan Tristram Troy Trudi Tucker Tunde Ty Tyra Tyrell Tyrese Tyron Tyson Ulrich Ulrike "
    "Una Usman Vadim Val Valeria Valentino Vance Vaughn Velma Venus Verity Verna Vic Vicki Vickie Vidya Vikki Vinnie Violeta Virgil Vishal Vito Vivian Viviana Wade Waleed Wallace Wally Walt Wasim Waylon Wes Wilfredo Willis "
    "Willow Wilson Winona Wyatt Xander Xiomara Yael Yahya Yannick Yasmine Yesenia Yohan Yoko Yosef Yuri Yusra Yvonne Zac Zach Zachariah Zack Zadie Zane Zak Zaynab Zeke Zelda Zena Zeynep Zia Zion Zita Zoltan Zola "
    "Aaliyah Abdul Abdullah Abel Abigail Ada Adele Adil Adrian Agnes Ahmad Ahmed Aidan Aiden Aisha Aisling Akash Akira Alana Alec Alejandro Alessandro "
    "Alexandra Alexis Alfie Alfred Ali Alina Alisha Alison Alma Alva Alyssa Amara Amelia Amina Amir Amit Ana Anastasia Andre Andreas Angelica Angelina "
    "Angus Anika Anita Anjali Annabel Anne Annie Antoine Antonio Anya Archie Ariana Ariel Arjun Arlene Arthur Asha Ashok Astrid Aubrey Audrey Aurora "
    "Ayesha Bailey Barry Beatrice Becca Bella Bernadette Bernard Bernice Bertha Bethany Bianca Blake Blanca Bonnie Boris Brad Bradley Brady Brendan "
    "Brent Bret Brett Bridget Brock Brooke Bruce Bruno Bryan Bryce Caitlin Caleb Callum Calvin Camila Camille Cameron Candice Carla Carlos Carmen "
    "Caroline Carrie Casey Cassandra Cassie Catalina Catherine Cecilia Cedric Celeste Celia Chandra Chantal Charlene Charlie Chelsea Cheng Chiara Chidi "
    "Chinedu Chioma Ciara Clara Clarence Clarissa Claude Claudia Clayton Cliff Clifford Clive Cody Colin Connor Conor Constance Cora Corey Courtney Craig "
    "Curtis Cyril Dale Damian Damien Danny Daphne Darius Darlene Darren Darryl Daryl Davina Dean Deanna Deb Debbie Declan Deepak Deirdre Delia Della "
    "Denis Derek Desmond Destiny Devon Dexter Diego Dimitri Dmitri Dolores Dominic Dominique Don Donald Donovan Dora Doreen Doris Doug Duncan Dustin "
    "Dwayne Dylan Earl Edgar Edith Edna Edwin Eileen Elaine Eleanor Elena Eli Elias Elijah Elisa Elise Ellen Ellie Elliot Elliott Eloise Elsa Elsie "
    "Emanuel Emil Emilia Emmanuel Enrique Erica Erik Erika Erin Ernest Esme Esperanza Esteban Estelle Esther Etta Eugene Eunice Eva Evan Evelina Faisal "
    "Farah Fatima Felicity Felipe Felix Fergus Fernando Finn Flora Florence Floyd Francesca Francesco Francis Francisco Franklin Freda Freddie "
    "Frederick Freya Fritz Gabriel Gabriela Gabrielle Gareth Garry Gavin Gemma Genevieve Geoff Geoffrey Georgia Georgina Gerald Geraldine Gerard "
    "Gideon Gilbert Gina Giovanni Giulia Gladys Glen Glenn Gordon Graham Grant Greg Greta Gretchen Guadalupe Guillermo Gunther Gustavo Guy Gwen "
    "Hadiya Hamza Hana Hank Hans Harold Harper Harriet Harvey Hassan Hazel Hector Heidi Helena Helga Henrietta Herbert Herman Hilary Hilda Hiroshi "
    "Holly Hugh Hugo Hussein Ibrahim Ida Ignacio Igor Imani Imogen Ina Ines Ingrid Irma Isaac Isabel Isabelle Isaiah Isla Ismail Isobel Ivana Jackie "
    "Jada Jaime Jake Jamal Jamie Jan Jana Janelle Janine Jared Jasmin Jasmine Javier Jayden Jeanette Jeff Jenna Jerome Jesse Jessie Jill Jo Joanna "
    "Joanne Jocelyn Jodie Jody Joel Joey Johan Johanna Johnathan Jon Jonah Jorge Josefina Josephine Josie Joyce Juan Juanita Jude Julian Juliana "
    "Juliet Juliette Julio June Justine Kaitlyn Kamal Kara Karim Karl Karla Kasia Katarina Kathy Kaylee Kayla Keisha Keith Kelvin Kendra Kenji Kerry "
    "Khadija Khalid Kieran Kim Kirk Kirsten Kofi Kristen Kristin Kristina Kumar Kunal Kwame Lakshmi Lana Lance Lara Larissa Latisha Latoya Laurel "
    "Laurence Laurie Laverne Layla Lea Leah Leila Lena Leonard Leonardo Leroy Leslie Lester Leticia Levi Lewis Lila Lillian Lina Lionel Liza Lloyd "
    "Lois Lola Lorena Lorenzo Loretta Lori Lorna Lorraine Lottie Louisa Louise Lucia Luciana Lucille Luis Luisa Luiz Luna Lydia Lyle Lynn Mabel "
    "Mackenzie Maddie Madeleine Mae Maeve Magda Maggie Mahmoud Maja Malachi Malcolm Malik Manuel Mara Marc Marcel Marcella Marcia Marco Marcus "
    "Margot Marguerite Mariam Mariana Marianne Marie Marina Mario Marion Marisa Marissa Marjorie Marlene Marlon Marsha Marta Martin Martina Marvin "
    "Maryam Mateo Mathew Matilda Matteo Maud Maura Maureen Maurice Mavis Maxine Maya Megan Mehmet Mei Melanie Melinda Melvin Mercedes Meredith Mika "
    "Miguel Mikhail Mila Mildred Miles Millie Milo Mina Minnie Miranda Miriam Mitchell Moe Mohamed Mohammad Mohammed Mohan Moira Molly Mona Monica "
    "Monique Morgan Moses Muhammad Muriel Myles Myra Myrtle Nadia Naomi Nasir Natalia Natasha Nate Nathaniel Neha Nell Nellie Nelson Nia Niall Niamh "
    "Nicola Nicolas Nigel Nikhil Nikita Nina Nisha Noel Nora Norma Norman Olga Olive Omar Oona Opal Orla Orlando Oswald Otis Otto Pablo Padraig Paige "
    "Paloma Paolo Patience Patricio Patsy Patty Paula Pauline Pedro Penelope Penny Percy Perry Petra Philip Philippa Phillip Phoebe Phyllis Pierre "
    "Pooja Poppy Preston Priscilla Priya Priyanka Quentin Quincy Rachael Rafael Raheem Rahul Raj Rajesh Ramon Ramona Randall Randy Raquel Rashid Raul "
    "Ravi Raymond Reggie Regina Reginald Reid Rena Rene Renee Rex Rhonda Rhys Ricardo Riley Rita Roberta Roberto Robin Robyn Rocio Rodney Rodrigo Rohan "
    "Roland Roman Romeo Rory Rosa Rosalie Rosalind Rosemary Rosie Ross Roxanne Rudy Rufus Rupert Ruslan Sabrina Sadie Saeed Sahar Said Salim Sally "
    "Salma Salman Sammy Sanjay Santiago Saoirse Sasha Saskia Saul Savannah Scarlett Sebastian Selena Serena Sergei Sergio Seth Shane Shannon Shaun "
    "Shauna Shawn Sheila Shelby Sheldon Shelley Sherry Shirin Shreya Sidney Sienna Silvia Simone Siobhan Sofia Sonia Sonya Sophie Spencer Stacey Stacy "
    "Stan Stanley Stefan Stella Stephan Stewart Stuart Sunil Sunita Suresh Suzanne Sven Sylvia Tabitha Tamara Tamika Tammy Tania Tanya Tara Tariq "
    "Tasha Tatiana Tessa Thea Thelma Theo Theodore Theresa Tiffany Toby Tomas Tomasz Tommy Toni Tracey Tracy Travis Trevor Tricia Trisha Trudy Tyrone "
    "Uma Ursula Valentina Valerie Vanessa Vera Vernon Veronica Vijay Vikram Viktor Vince Viola Vivek Vivienne Vladimir Wanda Warren Wei Wendell Wesley "
    "Whitney Wilbur Wilfred Wilhelm Willa Willie Wilma Winifred Winston Xavier Xiao Yan Yara Yasmin Yolanda Yosef Yuki Yusuf Yvette Zahra Zainab Zara Zoey Zuri"
)
_PLACES: Final = (
    "Africa Alabama Alaska Albania Algeria Amsterdam America Argentina Arizona Arkansas Asia Athens Atlanta Auckland Australia Austria Bangkok Bangladesh "
    "Barcelona Beijing Belfast Belgium Berlin Birmingham Boston Brazil Brisbane Bristol Britain Brooklyn Brussels Bulgaria Cairo Calgary California "
    "Cambodia Canada Cardiff Caribbean Carolina Chengdu Chicago Chile China Chongqing Cleveland Colombia Colorado Connecticut Copenhagen Cork Croatia Cuba "
    "Cyprus Dakota Dallas Delaware Denmark Denver Detroit Dubai Dublin Ecuador Edinburgh Egypt England Essex Estonia Ethiopia Europe Finland Florida France "
    "Fujian Galway Germany Ghana Glasgow Greece Guangdong Guangzhou Haiti Hangzhou Hawaii Helsinki Honduras Hong Kong Houston Hualien Hungary Iceland Idaho "
    "Illinois India Indiana Indonesia Iowa Iran Iraq Ireland Israel Istanbul Italy Jamaica Japan Jersey Kansas Kaohsiung Kenya Kentucky Kong Korea Kowloon "
    "Kuala Lumpur Kuwait Las Vegas Lebanon Leeds Leicester Limerick Lisbon Liverpool London Los Angeles Louisiana Macau Madrid Maine Malaysia Manchester "
    "Manhattan Manila Maryland Massachusetts Melbourne Mexico Miami Michigan Minneapolis Minnesota Mississippi Missouri Montana Montreal Moscow Mumbai "
    "Nebraska Nepal Netherlands Nevada New York Hampshire Zealand Newcastle Nigeria Norway Nottingham Ohio Oklahoma Ontario Oregon Orleans Oslo Ottawa "
    "Pakistan Palestine Panama Paris Pennsylvania Perth Peru Philadelphia Philippines Phoenix Poland Portland Portugal Prague Qatar Quebec Queens Rico "
    "Romania Rome Russia Sacramento San Francisco Diego Santa Saudi Arabia Scotland Seattle Seoul Shanghai Sheffield Shenzhen Singapore Somalia Spain Sri "
    "Lanka Stockholm Sudan Sweden Switzerland Syria Taichung Tainan Taipei Taiwan Tampa Tehran Tennessee Texas Thailand Tibet Tokyo Toronto Tunisia Turkey "
    "Uganda Ukraine Utah Vancouver Venezuela Vermont Vienna Vietnam Wales Warsaw Washington Wellington Wisconsin Wuhan Wyoming Yemen Yorkshire Zealand "
    "Zimbabwe Zurich Bronx Hollywood Silicon Queensland Victoria Tasmania NSW Alps Atlantic Pacific"
)
_THINGS: Final = (
    "Afghan Algerian Arab Arabic Australian Austrian Bangladeshi Belgian Brazilian Buddhist Cantonese Caucasian Cuban Czech Danish Dutch Egyptian Ethiopian "
    "Filipino Filipina Finnish Ghanaian Greek Haitian Hindu Hungarian Indonesian Iranian Iraqi Irish Islamic Israeli Italian Jamaican Jew Kenyan Latin Latina "
    "Lebanese Malaysian Mandarin Mormon Moroccan Nepali Nigerian Norwegian Pakistani Palestinian Persian Polish Portuguese Protestant Romanian Russian Scottish "
    "Sikh Somali Spanish Swedish Swiss Syrian Thai Turkish Ukrainian Vietnamese Welsh Baptist Methodist Pentecostal Evangelical Jehovah Allah Bible Quran Torah "
    "Satan Easter Thanksgiving Halloween Hanukkah Ramadan Eid Diwali Lent Xmas Valentine Covid Corona Coronavirus Google Amazon Apple Netflix YouTube Youtube "
    "Twitter Tinder Bumble Hinge Grindr TikTok Tiktok Snapchat WhatsApp Whatsapp Reddit Zoom Skype Discord Telegram WeChat Wechat Tumblr Pinterest LinkedIn "
    "Linkedin Spotify Uber Lyft Walmart Tesco Asda Target Costco Starbucks McDonald McDonalds Ikea Microsoft Samsung Sony Nintendo Xbox PlayStation Playstation "
    "Minecraft Fortnite Pokemon Disney Marvel Netflix Hulu Medicaid Medicare Celexa Cymbalta Effexor Wellbutrin Seroquel Abilify Klonopin Ativan Adderall Ritalin "
    "Vyvanse Valium Lithium Lamictal Paxil Risperdal Remeron Buspar Trazodone Sertraline Fluoxetine Escitalopram Citalopram Venlafaxine Bupropion Quetiapine "
    "Olanzapine Risperidone Lorazepam Diazepam Zopiclone Mirtazapine Concerta Strattera Latuda Zyprexa Depakote Ambien Tylenol Advil Ibuprofen Benadryl "
    "Gabapentin Suboxone Methadone Asperger Aspergers Alzheimer Alzheimers Parkinson Tourette Tourettes Crohn Hashimoto Stockholm Rorschach Minnesota Myers "
    "Briggs Hamilton Likert Wechsler Dsm Icd Cbt Dbt Emdr Reddit Quora Googled Ubers Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Jan Feb Mar Apr Jun Jul Aug Sep "
    "Sept Oct Nov Dec Mom Mum Dad Mama Papa Mommy Daddy Grandma Grandpa Nana Granny Mother Father Auntie Uncle Aunt Sir Madam Lord Christ Jesus Buddha Holy "
    "Maam Okay Ok Hey Yeah Yep Nope Hmm Oh Ah Um Uh Lol Omg Wow Ugh Btw Idk Fyi Tldr Edit Update Est Pst Ive Im Dont Cant Id Ill Hes Shes Thats Whats Didnt Doesnt "
    "Isnt Wasnt Wont Couldnt Wouldnt Shouldnt Havent Hasnt Theyre Theres Youre Youve"
)
